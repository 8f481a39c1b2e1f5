"""Processes of the example project `examples/socketio_counter`, behind a real Redis."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.eventually import eventually_sync

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = "examples/socketio_counter/counter.py"
STARTING = 30.0  # seconds, on a busy machine


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.HTTPError:
        return False
    return True


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
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        log = directory / f"{port}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, EXAMPLE, "serve"],
                cwd=PROJECT,
                env={**environment, "PORT": str(port)},
                stdout=output,
                stderr=output,
            )
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        eventually_sync(lambda: process.poll() is not None or _answers(url), "the example serves", STARTING)
        assert process.poll() is None, log.read_text()[-4000:]
        return url

    yield start_one
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(10)
