"""A process that is told to stop does not wait for polls: uvicorn as the README has it, and nothing else."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.eventually import eventually_sync

PING_INTERVAL = 60  # seconds that an open poll would be waited for
SERVER = f"""
import sys, uvicorn
from django.conf import settings
settings.configure(SECRET_KEY="of no use")
from socketio_bridge import Namespace, Options, SocketIOServer

class Desk(Namespace):
    path = "/desk"
    async def on_disconnect(self, socket, reason):
        print("left:", reason, flush=True)

async def nothing(scope, receive, send): ...

options = Options(ping_interval={PING_INTERVAL})
application = SocketIOServer([Desk()], options=options).mount("/socket.io", beside=nothing)
uvicorn.run(application, host="127.0.0.1", port=int(sys.argv[1]), **options.for_uvicorn())
"""


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
