"""Nodes of several processes over the Redis channel layer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.test import override_settings

from socketio_bridge import Namespace, Socket, emit, emit_sync, event, flush
from socketio_bridge.adapter.adapter import GAP_DELAY, Adapter
from socketio_bridge.adapter.cluster import EXPIRY, HEARTBEAT
from socketio_bridge.adapter.envelope import Emission, unpack
from socketio_bridge.outages import Outage
from tests.eventually import eventually, eventually_sync
from tests.socketio_bridge.processes import Person, Process, introduce


class Chat(Namespace):
    path = "/chat"

    def __init__(self) -> None:
        super().__init__()
        self.gaps: list[float] = []  # since when, each

    def on_gap(self, since: float) -> None:
        self.gaps.append(since)

    async def on_connect(self, socket: Socket) -> None:
        await socket.enter_room(socket.handshake.auth["who"])

    @event("say")
    async def say(self, socket: Socket, to: list[str], text: str) -> None:
        await emit("said", text, to=to, namespace=self.path, except_=socket.id)


@pytest.fixture
def processes() -> Iterator[tuple[Process, Process]]:
    pair = Process(Chat()), Process(Chat())
    introduce(*pair)
    yield pair
    for process in pair:
        process.stop()


@pytest.fixture
def people(processes: tuple[Process, Process]) -> Iterator[tuple[Person, Person]]:
    pair = processes[0].client("ann"), processes[1].client("bob")
    yield pair
    for person in pair:
        person.leave()


def test_an_emit_reaches_sockets_of_other_processes_in_order(people: tuple[Person, Person]) -> None:
    ann, bob = people
    for number in range(100):
        ann.send(f'42/chat,["say",["bob"],"{number}"]')
    assert [bob.receive() for _ in range(100)] == [f'42/chat,["said","{number}"]' for number in range(100)]


def test_a_packet_for_several_rooms_reaches_each_socket_once(
    processes: tuple[Process, Process], people: tuple[Person, Person]
) -> None:
    ann, bob = people
    other_ann = processes[1].client("ann")
    ann.send('42/chat,["say",["bob","ann","bob"],"one"]')
    ann.send('42/chat,["say",["bob","ann"],"two"]')
    for person in (bob, other_ann):
        assert [person.receive(), person.receive()] == ['42/chat,["said","one"]', '42/chat,["said","two"]']
    other_ann.leave()


async def test_binary_reaches_sockets_of_other_processes_behind_its_packet(people: tuple[Person, Person]) -> None:
    await emit("said", [b"\x00\xff", "and", b""], to=["ann", "bob"], namespace="/chat")
    for person in people:
        placeholders = '{"_placeholder":true,"num":0},"and",{"_placeholder":true,"num":1}'
        assert await asyncio.to_thread(person.receive) == f'452-/chat,["said",[{placeholders}]]'
        assert await asyncio.to_thread(person.receive_binary) == b"\x00\xff"
        assert await asyncio.to_thread(person.receive_binary) == b""


async def test_a_process_without_sockets_emits_from_async_and_sync_code(people: tuple[Person, Person]) -> None:
    ann, bob = people
    await emit("said", "async", to=["ann", "bob"], namespace="/chat")
    await sync_to_async(emit_sync)("said", "sync", to="bob", namespace="/chat")
    assert await asyncio.to_thread(ann.receive) == '42/chat,["said","async"]'
    assert await asyncio.to_thread(bob.receive) == '42/chat,["said","async"]'
    assert await asyncio.to_thread(bob.receive) == '42/chat,["said","sync"]'


def test_all_emits_of_a_loop_turn_leave_in_one_envelope(
    processes: tuple[Process, Process], people: tuple[Person, Person]
) -> None:
    first, _ = processes
    _, bob = people

    async def burst() -> int:
        layer = get_channel_layer()
        with patch.object(layer, "group_send", wraps=layer.group_send) as group_send:
            for number in range(50):
                await emit("said", number, to="bob", namespace="/chat")
            await flush()
            envelopes = [unpack(call.args[1]["messages"]) for call in group_send.await_args_list]
            return sum(any(isinstance(each, Emission) for each in envelope) for envelope in envelopes)

    assert first.run(burst()) == 1
    assert [bob.receive() for _ in range(50)] == [f'42/chat,["said",{number}]' for number in range(50)]


def test_an_envelope_that_cannot_be_read_is_dropped_alone(
    processes: tuple[Process, Process], people: tuple[Person, Person]
) -> None:
    first, _ = processes
    _, bob = people

    async def garbage() -> None:
        layer = get_channel_layer()
        for messages in (b"garbage", b"\x91\xc0", None):
            await layer.group_send(
                "socketio_bridge", {"type": "socketio.envelope", "origin": "elsewhere", "messages": messages}
            )
        await layer.group_send("socketio_bridge", {"type": "something.else"})
        await emit("said", "fine", to="bob", namespace="/chat")

    first.run(garbage())
    assert bob.receive() == '42/chat,["said","fine"]'


def test_what_is_emitted_while_the_layer_is_away_arrives_when_it_is_back(people: tuple[Person, Person]) -> None:
    """In order, once; local clients get it at once."""
    ann, bob = people
    other = ann.process.client("cat")
    with patch.object(get_channel_layer(), "group_send", side_effect=ConnectionError("Redis is away")):
        for number in range(3):
            ann.send(f'42/chat,["say",["cat","bob"],"{number}"]')
            assert other.receive() == f'42/chat,["said","{number}"]'
            assert ann.process.run(flush()) is False
    ann.send('42/chat,["say",["bob"],"3"]')
    assert [bob.receive() for _ in range(4)] == [f'42/chat,["said","{number}"]' for number in range(4)]
    assert ann.process.run(flush()) is True
    other.leave()


async def test_what_left_and_seemed_to_fail_arrives_once(people: tuple[Person, Person]) -> None:
    ann, bob = people
    layer, failures = get_channel_layer(), 0
    send = layer.group_send

    async def group_send(group: str, message: dict[str, Any]) -> None:
        nonlocal failures
        await send(group, message)
        if b"said" in message["messages"] and failures < 3:
            failures += 1
            raise TimeoutError

    with patch.object(layer, "group_send", group_send):
        for number in range(3):
            await asyncio.to_thread(ann.send, f'42/chat,["say",["bob"],"{number}"]')
        assert [await asyncio.to_thread(bob.receive) for _ in range(3)] == [
            f'42/chat,["said","{number}"]' for number in range(3)
        ]
    assert failures == 3


def test_what_is_lost_on_its_way_is_sent_again(
    processes: tuple[Process, Process], people: tuple[Person, Person]
) -> None:
    """Also when nothing follows it but a heartbeat; and nobody is told of a gap."""
    ann, bob = people
    with losing("0", "2", "3"):
        for number in range(4):
            ann.send(f'42/chat,["say",["bob"],"{number}"]')
            ann.process.run(flush())
        assert [bob.receive() for _ in range(4)] == [f'42/chat,["said","{number}"]' for number in range(4)]
    time.sleep(GAP_DELAY + 0.2)
    assert gaps(processes) == [[], []]


def test_who_misses_what_cannot_be_sent_again_is_told_so(
    processes: tuple[Process, Process], people: tuple[Person, Person]
) -> None:
    """Once, with the time since when; what follows arrives."""
    ann, bob = people
    ann.send('42/chat,["say",["bob"],"heard"]')
    bob.receive()
    before = time.monotonic()
    with losing("lost", "lost too"), patch("socketio_bridge.adapter.publisher.KEPT_SIZE", 0):
        for text in ("lost", "lost too", "heard again"):
            ann.send(f'42/chat,["say",["bob"],"{text}"]')
            ann.process.run(flush())
        assert bob.receive() == '42/chat,["said","heard again"]'
    eventually_sync(lambda: gaps(processes)[1] != [])
    assert gaps(processes)[0] == []
    [since] = gaps(processes)[1]
    assert before - HEARTBEAT - 0.5 < since <= before


def test_what_waits_for_too_long_is_a_gap(processes: tuple[Process, Process], people: tuple[Person, Person]) -> None:
    ann, bob = people
    with (
        patch.object(get_channel_layer(), "group_send", side_effect=ConnectionError("Redis is away")),
        patch("socketio_bridge.adapter.publisher.PENDING_AGE", 0.1),
    ):
        ann.send('42/chat,["say",["bob"],"too old"]')
        time.sleep(1)
    ann.send('42/chat,["say",["bob"],"heard"]')
    assert bob.receive() == '42/chat,["said","heard"]'
    eventually_sync(lambda: gaps(processes)[1] != [])


def test_who_dies_while_the_layer_is_away_leaves_a_gap(processes: tuple[Process, Process]) -> None:
    """It took along what it had not published."""
    dying = Process(Chat())
    introduce(*processes, dying)
    with patch.object(get_channel_layer(), "group_send", side_effect=ConnectionError("Redis is away")):
        time.sleep(HEARTBEAT + 0.2)  # which others notice
        dying.die()
    eventually_sync(lambda: all(gaps(processes)), within=2 * EXPIRY + 5)


def test_who_just_dies_leaves_none(processes: tuple[Process, Process]) -> None:
    dying = Process(Chat())
    introduce(*processes, dying)
    dying.die()
    time.sleep(2 * EXPIRY + 1)
    assert gaps(processes) == [[], []]


async def test_a_layer_that_is_away_is_said_once_and_holds_nobody_up(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage()
    with (
        override_settings(CHANNEL_LAYERS=_layer_at("127.0.0.1:1")),
        patch("socketio_bridge.adapter.adapter.OUTAGE", outage),
        patch("socketio_bridge.adapter.publisher.OUTAGE", outage),
    ):
        channel_layers.backends = {}
        adapter = Adapter()
        await asyncio.wait_for(adapter.start(), 2)
        for _ in range(3):
            adapter.emit(Emission("/chat", ["ann"], [], '42/chat,["said"]'))
            await adapter.flush()
        await adapter.stop()
        channel_layers.backends = {}
    [said] = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert re.match(r"The channel layer(, to listen,)? is out of reach: ", said)


async def test_what_waits_for_a_layer_that_does_not_keep_up_is_bounded_in_bytes() -> None:
    adapter = Adapter()
    go_on, sent = asyncio.Event(), 0

    async def group_send(group: str, message: dict[str, Any]) -> None:
        nonlocal sent
        await go_on.wait()
        sent += sum(each.size for each in unpack(message["messages"]))

    with (
        patch.object(get_channel_layer(), "group_send", group_send),
        patch("socketio_bridge.adapter.publisher.PENDING_SIZE", 10_000),
    ):
        for _ in range(100):
            adapter.emit(Emission("/chat", ["ann"], [], f'42/chat,["said","{"x" * 1_000}"]'))
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait_for(adapter.flush(), 2)
        assert 0 < sent <= 12_000
        adapter.emit(Emission("/chat", ["ann"], [], f'42/chat,["said","{"x" * 9_000}"]'))
        await adapter.flush()
        assert sent > 9_000


async def test_attempts_to_listen_leave_nothing_behind_in_the_layer() -> None:
    """What it takes for a channel that somebody reads, it fills."""
    adapter, layer = Adapter(), get_channel_layer()
    add, calls = layer.group_add, 0

    async def group_add(group: str, channel: str) -> None:
        nonlocal calls
        calls += 1
        await add(group, channel)
        if calls in (1, 3):
            raise ConnectionError("Redis is away")

    with (
        patch.object(layer, "group_add", group_add),
        patch("socketio_bridge.adapter.adapter.RETRY_DELAY", 0.01),
    ):
        await adapter.start()
        await eventually(lambda: calls >= 5)
    assert len(layer.channels) == 1
    await adapter.stop()
    assert len(layer.channels) == 0


@contextmanager
def losing(*texts: str) -> Iterator[None]:
    """The layer takes what is said of these texts and delivers it to nobody, once."""
    layer, left = get_channel_layer(), [f'"{text}"]'.encode() for text in texts]
    send = layer.group_send

    async def group_send(group: str, message: dict[str, Any]) -> None:
        for text in left:
            if text in message["messages"]:
                left.remove(text)
                return
        await send(group, message)

    with patch.object(layer, "group_send", group_send):
        yield
        assert left == []


def gaps(processes: tuple[Process, Process]) -> list[list[float]]:
    return [process.server.namespaces["/chat"].gaps for process in processes]  # type: ignore[attr-defined]  # of `Chat`


def _layer_at(address: str) -> dict[str, Any]:
    hosts = [f"redis://{address}/0"]
    return {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": hosts}}}
