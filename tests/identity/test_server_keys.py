"""A key is made once, kept for its owner's eyes only, and the same for every process that asks."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from identity.server_keys import key_in


def test_a_key_is_made_once(tmp_path: Path) -> None:
    assert key_in(tmp_path / "new", "jwt_key") == key_in(tmp_path / "new", "jwt_key")


def test_two_names_have_two_keys(tmp_path: Path) -> None:
    assert key_in(tmp_path, "jwt_key") != key_in(tmp_path, "secret_key")


def test_a_key_is_long_enough_for_hs256(tmp_path: Path) -> None:
    assert len(key_in(tmp_path, "jwt_key").encode()) >= 32


def test_only_the_owner_can_read_it_and_no_draft_stays_behind(tmp_path: Path) -> None:
    key_in(tmp_path, "jwt_key")
    assert [path.name for path in tmp_path.iterdir()] == ["jwt_key"]
    assert stat.S_IMODE((tmp_path / "jwt_key").stat().st_mode) == 0o600


def test_a_directory_that_is_made_for_keys_is_its_owners_alone(tmp_path: Path) -> None:
    key_in(tmp_path / "new", "jwt_key")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_processes_that_ask_at_once_get_the_same_key(tmp_path: Path) -> None:
    code = "import sys, pathlib; from identity.server_keys import key_in; print(key_in(pathlib.Path(sys.argv[1]), 'k'))"
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert len({process.communicate()[0] for process in processes}) == 1


def test_a_damaged_key_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "jwt_key").write_text("short")
    with pytest.raises(ValueError, match=r"jwt_key holds 5 characters.*Delete the file"):
        key_in(tmp_path, "jwt_key")
