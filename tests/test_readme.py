"""What the README shows works as it stands there, and the table of settings is complete."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.node import installed_clients, node_executable
from tests.devstack.up_process import Up

PROJECT = Path(__file__).resolve().parents[1]
README = (PROJECT / "README.md").read_text()
CONFIGURATION = (PROJECT / "docs" / "configuration.md").read_text()
SETTINGS = (PROJECT / "chozoi_chat" / "settings.py").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"``{language}\n(.*?)``", README, flags=re.DOTALL)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "data")
    up.start()
    yield up
    up.stop()


@pytest.mark.slow
def test_the_client_connects_with_the_token_and_its_message_is_stored(up: Up, tmp_path: Path) -> None:
    [command] = [line for block in blocks("sh") for line in block.splitlines() if "manage.py" in line]
    assert command.startswith(".venv/bin/python manage.py ")
    token = up.manage(*command.split()[2:]).stdout.strip()

    [script] = blocks("js")
    script = script.replace('require("socket.io-client")', 'require("socket.io-client-4")')
    (tmp_path / "chat.js").write_text(script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{up.port}"))
    (tmp_path / "node_modules").symlink_to(installed_clients() / "node_modules")
    node = [node_executable(), str(tmp_path / "chat.js"), token]
    said = subprocess.run(node, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert said.stderr == ""
    assert "rooms: [" in said.stdout
    assert "received: Xin chào!" in said.stdout
    assert "stored: true" in said.stdout


def test_make_knows_the_targets_that_are_shown() -> None:
    targets = re.findall(r"^make ([\w-]+)", "\n".join(blocks("sh")), flags=re.MULTILINE)
    assert {"run", "test", "test-kafka", "test-faults", "soak", "lint", "docs", "dist", "bench"} == set(targets)
    for target in targets:
        done = subprocess.run(["make", "--dry-run", target], cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_setting_is_documented_and_no_other() -> None:
    read = set(re.findall(r'(?:text|one_of|whole_number|json_object|names|switch)\("([A-Z_]+)"', SETTINGS))
    for listed in re.findall(r'^_[A-Z]+ = "+([^"]+)"', SETTINGS, flags=re.MULTILINE):  # read in a loop
        read |= set(listed.split())
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", CONFIGURATION, flags=re.MULTILINE))
    assert documented == read


def test_files_that_are_linked_exist() -> None:
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (PROJECT / name).exists(), name
