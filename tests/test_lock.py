"""The locks are what the requirements files and constraints.txt ask for: `make lock` was not forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements-server", "requirements", "requirements-dev")


def pins(path: Path) -> dict[str, str]:
    """The versions that a file pins, those of the files that it names with `-r` included."""
    text = path.read_text()
    found: dict[str, str] = {}
    for other in re.findall(r"^-r (\S+)", text, re.MULTILINE):
        found |= pins(path.parent / other)
    for name, version in re.findall(r"^([A-Za-z][\w.-]*)(?:\[[\w,]+\])?==([^\s;\\]+)", text, re.MULTILINE):
        found[re.sub(r"[-_.]+", "-", name).lower()] = version
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_what_its_requirements_pin(name: str) -> None:
    wanted, locked = pins(PROJECT / f"{name}.txt"), pins(PROJECT / f"{name}.lock")
    assert {pin: locked.get(pin) for pin in wanted} == wanted, "run `make lock`"


def test_the_locks_and_the_constraints_name_the_same_versions() -> None:
    assert pins(PROJECT / "requirements-dev.lock") == pins(PROJECT / "constraints.txt"), "run `make lock`"


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_hashes(name: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z])", (PROJECT / f"{name}.lock").read_text())[1:]
    assert len(entries) > 5
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
