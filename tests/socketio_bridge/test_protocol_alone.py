"""The tests of packets start nothing, so they are done in a few seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_the_tests_of_packets_know_no_service_and_no_stores() -> None:
    """Not even by import: a `conftest.py` above them would set up Django, and offer stores."""
    pytest_run = [sys.executable, "-X", "importtime", "-m", "pytest", "--collect-only", "--quiet", "--capture=no"]
    process = subprocess.run(
        [*pytest_run, "tests/socketio_bridge/protocol"], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert process.returncode == 0, process.stdout
    imported = {line.rpartition("|")[2].strip() for line in process.stderr.splitlines()}
    assert "socketio_bridge.protocol.packet" in imported
    assert not {"chozoi_chat", "devstack", "pytest_django.plugin", "tests.conftest"} & imported


def test_make_runs_them_as_the_readme_says() -> None:
    """Its options are those of all tests, and this folder's pytest.ini is to know them."""
    tests = "TESTS=tests/socketio_bridge/protocol -k ack --collect-only"
    assert "tests/socketio_bridge/protocol -k ack" in (PROJECT / "README.md").read_text()
    # What runs these tests is often make, and a make inside it would say so after its last command.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    planned = subprocess.run(
        ["make", "--dry-run", "test", tests], cwd=PROJECT, env=env, capture_output=True, text=True, check=True
    )
    command = planned.stdout.splitlines()[-1]
    process = subprocess.run(["sh", "-c", command], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stdout + process.stderr
