"""Processes without sockets: what they emit is kept, in one order, over connections that are kept too."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import redis
from django.conf import settings

from socketio_bridge import emit, emit_sync
from tests.socketio_bridge.processes import Process

from .returning import Returning


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    settings.SOCKETIO = {"max_disconnection_duration": 60.0}


def test_what_processes_without_sockets_emit_is_kept(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    emit_sync("said", 1, to="all", namespace="/chat")
    assert ann.receive() == ["said", 1]
    ann.cut()
    emit_sync("said", 2, to="all", namespace="/chat")
    assert ann.to(processes[1]).hear() == [2, "ann"]


def test_threads_that_emit_at_once_are_heard_in_the_order_of_the_stream(processes: list[Process]) -> None:
    """A client that is cut off in the middle, and comes back to another process, has each once."""
    ann = Returning().to(processes[0])

    def emit_all(base: int) -> None:
        for number in range(base, base + 100):
            emit_sync("said", number, to="all", namespace="/chat")

    threads = [threading.Thread(target=emit_all, args=[base]) for base in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    heard = []
    for turn in range(6):
        heard += [ann.receive()[1] for _ in range(10)]
        ann.cut().to(processes[turn % 2])
        assert ann.recovered
    for thread in threads:
        thread.join()
    numbers = [each for each in heard if each != "ann"]
    while len(numbers) < 400:
        if (each := ann.receive()[1]) != "ann":
            numbers.append(each)
    assert sorted(numbers) == list(range(400))
    for base in (0, 100, 200, 300):
        own = [number for number in numbers if base <= number < base + 100]
        assert own == sorted(own)


async def test_emissions_do_not_open_connections_each(processes: list[Process]) -> None:
    """Not those of event loops that live for one call, either."""
    layer: Any = settings.CHANNEL_LAYERS["default"]
    client = redis.Redis.from_url(layer["CONFIG"]["hosts"][0])

    def made() -> int:
        return int(client.info("stats")["total_connections_received"])

    await emit("said", 0, to="all", namespace="/chat")
    before = made()
    for number in range(10):
        await emit("said", number, to="all", namespace="/chat")
        await asyncio.to_thread(emit_sync, "said", number, to="all", namespace="/chat")
    assert made() - before < 5
    client.close()


async def test_what_cannot_be_handed_over_is_the_callers_error(settings: Any) -> None:
    layer = settings.CHANNEL_LAYERS["default"]
    nowhere = {**layer, "CONFIG": {**layer["CONFIG"], "hosts": ["redis://127.0.0.1:1/0"]}}
    settings.CHANNEL_LAYERS = {"default": nowhere}
    settings.SOCKETIO = {}
    with pytest.raises(redis.ConnectionError):
        await emit("said", 1, to="all", namespace="/chat")
