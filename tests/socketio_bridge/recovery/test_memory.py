"""Recovery of one process without Redis: in its memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from channels.layers import channel_layers
from django.test import override_settings

from socketio_bridge import Options
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.recovery.memory_store import MemoryRecoveryStore
from socketio_bridge.recovery.store import RELEASED, Entry, Save, State
from tests.eventually import eventually, eventually_sync
from tests.socketio_bridge.processes import Process

from .returning import RECOVERING, Chat, Returning, holder, recovery_of, say, until_kept

IN_MEMORY = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
STATE = msgspec.msgpack.encode(State("sid", "/chat", [], None, {}))


@pytest.fixture(params=[{}, IN_MEMORY], ids=["no layer", "layer in memory"])
def process(request: pytest.FixtureRequest) -> Iterator[Process]:
    channel_layers.backends = {}
    with override_settings(CHANNEL_LAYERS=request.param):
        process = Process(Chat(), options=msgspec.structs.replace(RECOVERING, recovery_redis_url=None))
        yield process
        process.stop()
    channel_layers.backends = {}


def test_a_client_of_one_process_without_redis_comes_back_and_misses_nothing(process: Process) -> None:
    ann = Returning().to(process)
    first_id = ann.id
    say(process, 1)
    assert ann.hear() == [1]
    ann.cut()
    say(process, 2, 3)
    ann.to(process)
    assert ann.recovered
    assert ann.hear() == [2, 3, "ann"]
    assert ann.answer == [first_id, "ann", ["all"], True]


def test_who_was_put_out_does_not_come_back(process: Process) -> None:
    ann = Returning().to(process)
    until_kept(process, ann.pid)
    ann.send("41/chat,")
    eventually_sync(lambda: holder(process, ann.pid) is None)
    assert not ann.cut().to(process).recovered


def test_a_session_that_was_quiet_for_longer_than_the_stream_reaches_gets_what_then_got_lost() -> None:
    """All it can say is that it is far behind: that it missed nothing until lately, its process knows."""
    channel_layers.backends = {}
    with override_settings(CHANNEL_LAYERS=IN_MEMORY):
        options = Options(max_disconnection_duration=1.0, recovery_stream_length=20)
        process = Process(Chat(), options=options)
        ann = Returning().to(process)
        say(process, 1)
        assert ann.receive() == ["said", 1]
        for _ in range(30):
            say(process, "for others", to="kitchen")
        recovery = recovery_of(process)
        newest = process.run(recovery.store.newest())
        eventually_sync(lambda: process.run(recovery.store.newest()) > newest, "it has noted how far it is")
        say(process, "lost on its way")
        assert "lost" in process.run(ann.client.receive())
        assert ann.cut().to(process).recovered
        assert ann.hear() == ["lost on its way", "ann"]
        process.stop()
    channel_layers.backends = {}


def emission(number: int) -> Emission:
    return Emission("/chat", None, [], f"42[{number}]", [], False)


def texts(entries: list[Entry]) -> list[str]:
    return [message.packet for entry in entries for message in entry.messages if isinstance(message, Emission)]


async def test_the_stream_is_as_long_as_it_may_be_and_read_from_a_place_on() -> None:
    store = MemoryRecoveryStore(stream_length=3)
    for number in range(5):
        await store.append("here", number, [emission(number)])
    entries = await store.read((0, 0))
    assert texts(entries) == ["42[2]", "42[3]", "42[4]"]
    assert texts([entry async for entry in store.since(entries[1].id)]) == ["42[3]", "42[4]"]
    assert (await store.oldest(), await store.newest()) == (entries[0].id, entries[2].id)
    waiting = asyncio.create_task(store.read(entries[2].id))
    await store.append("here", 5, [emission(5)])
    assert texts(await waiting) == ["42[5]"]
    await store.trim(int(time.time() * 1000) + 1000)
    assert await store.oldest() is None


async def has_ended(store: MemoryRecoveryStore, pid: str) -> bool:
    return await store.holder(pid) is None


async def test_a_session_is_its_holders_and_ends_with_its_time() -> None:
    store = MemoryRecoveryStore(stream_length=3)
    await store.save("a", [Save("pid", "a", STATE, 60_000)])
    await store.save("b", [Save("pid", "b", STATE, 60_000)])
    await store.forget("b", ["pid", "other"])
    assert await store.holder("pid") == "a"
    assert await store.claim("pid", RELEASED, "b", 60_000) is None
    claimed: Any = await store.claim("pid", "a", "b", 60_000)
    assert claimed.sid == "sid"
    await store.release("b", "pid")
    assert await store.holder("pid") == RELEASED
    await store.claim("pid", RELEASED, "c", 1)
    await eventually(lambda: has_ended(store, "pid"))
    await store.trim(0)
    await store.save("d", [Save("pid", "d", STATE, 60_000)])
    await store.forget("d", ["pid"])
    assert await store.holder("pid") is None
