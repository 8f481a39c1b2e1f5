"""Python's garbage collector in a process that serves sockets."""

from __future__ import annotations

import gc
import subprocess
import sys

import msgspec

from socketio_bridge import Namespace, Options, Socket, SocketIOServer, event
from tests.socketio_bridge.client import connect

LIFE = """
import asyncio, gc, json, sys
from django.conf import settings
settings.configure()
from socketio_bridge import Namespace, Options, SocketIOServer

async def live(tuned):
    server = SocketIOServer([Namespace()], options=Options(tune_garbage_collector=tuned))
    inbox, outbox = asyncio.Queue(), asyncio.Queue()
    life = asyncio.create_task(server.mount("/socket.io", beside=server)({"type": "lifespan"}, inbox.get, outbox.put))
    seen = []
    for step in "startup", "shutdown":
        await inbox.put({"type": f"lifespan.{step}"})
        await outbox.get()
        seen.append((gc.get_freeze_count() > 1000, gc.get_threshold()))
    await life
    return seen

print(json.dumps(asyncio.run(live(sys.argv[1] == "tuned"))))
"""


def lived(how: str) -> list[tuple[bool, tuple[int, int, int]]]:
    """Whether objects are frozen, and the thresholds, after the startup and after the shutdown of a process."""
    done = subprocess.run([sys.executable, "-c", LIFE, how], capture_output=True, check=True, text=True)
    return msgspec.json.decode(done.stdout, type=list[tuple[bool, tuple[int, int, int]]])


def test_a_process_that_serves_is_set_up_for_it_and_gets_its_own_setting_back() -> None:
    [serving, ended] = lived("tuned")
    assert serving == (True, (10_000, 5, 2))
    assert ended == (False, gc.get_threshold())


def test_the_collector_is_left_alone_where_the_option_says_so() -> None:
    assert lived("alone") == [(False, gc.get_threshold())] * 2


class Echo(Namespace):
    path = "/echo"

    @event("say")
    async def say(self, socket: Socket, text: str) -> str:
        await socket.emit("said", text)
        return text


async def test_an_event_leaves_no_reference_cycle() -> None:
    async with connect(SocketIOServer([Echo()], options=Options())) as client:
        await client.join("/echo")
        thresholds = gc.get_threshold()
        gc.collect()
        gc.set_threshold(0)
        try:
            for number in range(300):
                await client.send(f'42/echo,{number}["say","a"]')
                await client.receive()
                await client.receive()
            assert gc.collect() < 300
        finally:
            gc.set_threshold(*thresholds)
