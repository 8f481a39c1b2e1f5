"""One supervisor at a time uses a DATA_DIR, and only while it lives do other commands believe what it wrote down."""

import subprocess
import sys
from pathlib import Path

import pytest

from chozoi_chat.running_stores import (
    AlreadyRunning,
    StoreAddresses,
    lock_data_dir,
    running_addresses,
    save_addresses,
    saved_addresses,
)

STORES = StoreAddresses(mongodb="mongodb://127.0.0.1:21001/chozoi_chat", redis="redis://127.0.0.1:21002/0")
HOLD = """
import pathlib, sys
from chozoi_chat.running_stores import lock_data_dir
with lock_data_dir(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def other_supervisor(tmp_path: Path) -> subprocess.Popen[bytes]:
    """Another process that holds this DATA_DIR."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_nothing_runs_in_a_new_data_dir(tmp_path: Path) -> None:
    assert running_addresses(tmp_path / "missing") == running_addresses(tmp_path) == StoreAddresses()


def test_what_a_living_supervisor_announced_is_found(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path):
        save_addresses(tmp_path, STORES)
        assert running_addresses(tmp_path) == STORES


def test_what_an_ended_supervisor_announced_is_remembered_but_does_not_run(tmp_path: Path) -> None:
    with lock_data_dir(tmp_path):
        save_addresses(tmp_path, STORES)
    assert running_addresses(tmp_path) == StoreAddresses()
    assert saved_addresses(tmp_path) == STORES


def test_a_second_supervisor_is_told_of_the_first(tmp_path: Path, other_supervisor: subprocess.Popen[bytes]) -> None:
    with pytest.raises(AlreadyRunning, match=rf"process {other_supervisor.pid}.*DATA_DIR and a PORT of its own"):
        lock_data_dir(tmp_path)
    other_supervisor.kill()
    other_supervisor.communicate()


def test_a_killed_supervisor_holds_nothing(tmp_path: Path, other_supervisor: subprocess.Popen[bytes]) -> None:
    other_supervisor.kill()
    other_supervisor.communicate()
    lock_data_dir(tmp_path).close()


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text("{")
    assert saved_addresses(tmp_path) == StoreAddresses()
