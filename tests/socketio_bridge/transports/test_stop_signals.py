"""What a process does that is told to stop: uvicorn as the README has it, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from devstack.embedded import free_port
from tests.eventually import PATIENCE, eventually, eventually_sync

PING_INTERVAL = 60  # seconds that an open poll would be waited for
WINDOW = 8
SERVER = f"""
import asyncio, sys, time, uvicorn
from django.conf import settings
settings.configure(SECRET_KEY="of no use")
from socketio_bridge import Namespace, Options, SocketIOServer, event

class Desk(Namespace):
    path = "/desk"
    async def on_disconnect(self, socket, reason):
        print("left:", reason, flush=True)
    @event("wait")
    async def wait(self, socket, seconds: float):
        print("begun", flush=True)
        await asyncio.sleep(seconds)
        return "done"
    @event("block")
    async def block(self, socket, seconds: float):
        print("begun", flush=True)
        time.sleep(seconds)

async def nothing(scope, receive, send): ...

options = Options(ping_interval={PING_INTERVAL}, shutdown_window={WINDOW})
application = SocketIOServer([Desk()], options=options).mount("/socket.io", beside=nothing)
uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), **options.for_uvicorn())
"""


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=subprocess.PIPE, text=True)
    eventually_sync(lambda: _is_open(port), "the server listens")
    yield process, f"http://127.0.0.1:{port}/socket.io/"
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_that_is_told_to_stop_does_not_wait_for_polls(
    server: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, url = server
    async with httpx.AsyncClient(params={"EIO": "4", "transport": "polling"}, timeout=PING_INTERVAL / 2) as client:
        opened = (await client.get(url)).text
        sid = opened.partition('"sid":"')[2].partition('"')[0]
        await client.post(url, params={"sid": sid}, content="40/desk,")
        assert (await client.get(url, params={"sid": sid})).text.startswith("40/desk,")
        sent = asyncio.Event()

        async def trace(step: str, _: object) -> None:
            if step == "http11.send_request_body.complete":
                sent.set()

        poll = asyncio.create_task(client.get(url, params={"sid": sid}, extensions={"trace": trace}))
        await sent.wait()
        await client.get(url)  # answered after the poll was read
        process.send_signal(number)
        assert (await poll).text == "1", "Engine.IO's CLOSE"
    assert process.wait(PING_INTERVAL / 2) in (0, -number)
    assert process.stdout is not None
    assert "left: server shutting down" in process.stdout.read()


@asynccontextmanager
async def _at_the_desk(url: str) -> AsyncIterator[ClientConnection]:
    async with websockets.connect(f"{url.replace('http', 'ws')}?EIO=4&transport=websocket") as client:
        await client.recv()
        await client.send("40/desk,")
        assert str(await client.recv()).startswith("40/desk,")
        yield client


async def _begin(client: ClientConnection, process: subprocess.Popen[str], event: str, seconds: float) -> None:
    """Send an event, and return when its handler runs. A signal must come later: it ends the reading of sessions."""
    await client.send(f'42/desk,7["{event}",{seconds}]')
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(process.stdout.readline) != "begun\n":
            assert process.poll() is None


async def _refused(url: str) -> bool:
    async with httpx.AsyncClient() as other:
        return (await other.get(url, params={"EIO": "4", "transport": "polling"})).status_code == 503


async def test_another_sigterm_cuts_nothing_short(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    async with _at_the_desk(url) as client:
        await _begin(client, process, "wait", 4.0)
        process.send_signal(signal.SIGTERM)
        await eventually(lambda: _refused(url), "no new client is let in")
        process.send_signal(signal.SIGTERM)
        assert await client.recv() == '43/desk,7["done"]'
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
    assert process.wait(WINDOW) == -signal.SIGTERM


async def test_ctrl_c_twice_stops_at_once(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    async with _at_the_desk(url) as client:
        await _begin(client, process, "wait", 60.0)
        process.send_signal(signal.SIGINT)
        await eventually(lambda: _refused(url), "no new client is let in")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
        assert time.monotonic() - began < WINDOW / 4


async def test_a_process_that_hangs_is_ended_with_the_window(server: tuple[subprocess.Popen[str], str]) -> None:
    process, url = server
    async with _at_the_desk(url) as client:
        await _begin(client, process, "block", 60.0)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WINDOW * 2) == -signal.SIGALRM
    assert WINDOW - 0.5 < time.monotonic() - began < WINDOW * 1.5
