"""Processes of the example project `examples/socketio_counter`, behind a real Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.embedded import free_port
from tests.serving import start_server

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = "examples/socketio_counter/counter.py"


@pytest.fixture(scope="module")
def start(redis_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Starts the example on a free port, as often as it is called; the URL of the new process."""
    directory = tmp_path_factory.mktemp("example")
    redis = f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/9"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    environment |= {"DATABASE": str(directory / "counter.sqlite3"), "REDIS_URL": redis}
    processes: list[subprocess.Popen[bytes]] = []
    subprocess.run(
        [sys.executable, EXAMPLE, "check", "--fail-level", "WARNING"], cwd=PROJECT, env=environment, check=True
    )
    subprocess.run([sys.executable, EXAMPLE, "migrate", "-v", "0"], cwd=PROJECT, env=environment, check=True)

    def start_one() -> str:
        port = str(free_port())
        url, log = f"http://127.0.0.1:{port}", directory / f"{port}.log"
        command = [sys.executable, EXAMPLE, "serve"]
        processes.append(start_server(command, url, cwd=PROJECT, env={**environment, "PORT": port}, log=log))
        return url

    yield start_one
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(10)
