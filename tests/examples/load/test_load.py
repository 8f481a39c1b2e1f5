"""The load scenario, run by Locust for a few seconds, and its client against a server with quick heartbeats."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.asgi import get_asgi_application

from socketio_bridge import ConnectionRefused, Namespace, Options, Socket, SocketIOServer, event
from socketio_bridge.testing.live_server import LiveServer
from tests.socketio_bridge.counter_process import start  # noqa: F401  a fixture

PROJECT = Path(__file__).resolve().parents[3]
LOAD = PROJECT / "examples" / "load"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def programs() -> Path:
    """The folder of programs with Locust's, which has an environment of its own."""
    done = subprocess.run(
        ["make", ".venv-load/bin/.installed"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return PROJECT / ".venv-load" / "bin"


@pytest.fixture(scope="module")
def locust(programs: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Locust as the README does, with fewer users, for some seconds."""
    [command] = [line for line in (LOAD / "README.md").read_text().splitlines() if line.startswith(".venv/bin/locust")]
    documented = command.removeprefix(".venv/bin/locust").split()

    def run(url: str, **variables: str) -> subprocess.CompletedProcess[str]:
        smaller = ("--host", url, "--users", "4", "--spawn-rate", "4", "--run-time", "4s", "--json")
        return subprocess.run(
            [programs / "locust", *documented, *smaller],
            cwd=LOAD,
            env={"PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


@pytest.fixture(scope="module")
def url(start: Callable[[], str]) -> str:  # noqa: F811
    return start()


def counted(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(done.stdout)}


def test_visitors_of_both_generations_move_the_counter(
    url: str, locust: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = locust(url)
    assert done.returncode == 0, done.stderr
    rows = counted(done)
    for engine in (3, 4):
        assert rows[f"connect (EIO {engine})"]["num_requests"] == 2
        assert rows[f"step (EIO {engine})"]["num_requests"] >= 2
        assert rows[f"count (EIO {engine})"]["num_requests"] > rows[f"step (EIO {engine})"]["num_requests"]
    assert sum(row["num_failures"] for row in rows.values()) == 0


def test_a_refusal_fails_the_run(url: str, locust: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = locust(url, NAMESPACE="/nowhere")
    assert done.returncode == 1
    rows = counted(done)
    assert [rows[f"connect (EIO {engine})"]["num_failures"] for engine in (3, 4)] == [2, 2]
    assert "Invalid namespace" in done.stderr


class Echo(Namespace):
    """Answers, and lets only those in who say the word."""

    path = "/echo"

    async def on_connect(self, socket: Socket) -> None:
        told = socket.handshake.auth or socket.handshake.query
        if told.get("word") != "sesame":
            raise ConnectionRefused("Say the word")

    @event("echo")
    async def echo(self, socket: Socket, text: str) -> str:
        return text

    @event("leave")
    async def leave(self, socket: Socket) -> None:
        await socket.disconnect()


CLIENT = """
from gevent import monkey; monkey.patch_all()
import sys, time
from socketio_client import NotConnected, SocketIOClient
url, engine = sys.argv[1], int(sys.argv[2])
told = {"query": {"word": "sesame"}} if engine == 3 else {"auth": {"word": "sesame"}}
try:
    SocketIOClient(url, "/echo", engine=engine)
except NotConnected as refusal:
    print(refusal)
client = SocketIOClient(url, "/echo", engine=engine, timeout=5, **told)
time.sleep(3)  # six heartbeats
print(client.call("echo", "xin chào"))
client.emit("leave")
try:
    print(client.call("echo", "still here"))
except NotConnected as end:
    print(end)
"""


@pytest.mark.usefixtures("redis_server")
@pytest.mark.parametrize("engine", [3, 4])
def test_the_client_keeps_its_heartbeats_and_says_why_it_is_out(programs: Path, engine: int) -> None:
    options = Options(ping_interval=0.5, ping_timeout=0.5)
    server = SocketIOServer([Echo()], options=options)
    with LiveServer(server.mount("/socket.io", beside=get_asgi_application()), options=options) as live:
        done = subprocess.run(
            [programs / "python", "-c", CLIENT, live.url, str(engine)],
            cwd=LOAD,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.stderr == ""
    refusal, answer, end = done.stdout.splitlines()
    assert "Say the word" in refusal
    assert answer == "['xin chào']"
    assert "the server closed the connection" in end
