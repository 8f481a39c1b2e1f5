"""Sessions that are here: who may come back at all, and from where on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from unittest.mock import patch

from devstack.embedded import EmbeddedRedis
from socketio_bridge import Options
from socketio_bridge.instrumentation import Instrumentation, instrument, instrumentation
from tests.eventually import eventually_sync
from tests.socketio_bridge.processes import Process

from .returning import Chat, Returning, holder, recovery_of, say, until_kept, until_reachable, until_released


class Exchanges(Instrumentation):
    """Notes exchanges with Redis."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float, bool]] = []

    def exchanged(self, part: str, seconds: float, *, failed: bool) -> None:
        self.told.append((part, seconds, failed))


def test_who_leaves_or_is_put_out_does_not_come_back(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.send("41/chat,")
    eventually_sync(lambda: holder(processes[0], ann.pid) is None)
    assert not ann.cut().to(processes[0]).recovered


def test_protocol_4_clients_get_nothing_of_it(processes: list[Process]) -> None:
    old = Returning(query="EIO=3&transport=websocket").to(processes[0])
    assert old.pid is None
    say(processes[0], 1)
    assert old.hear() == [1]


def test_where_clients_have_to_ask_for_it_others_get_each_event_as_without() -> None:
    """In `auth`, or, as the library of a language may have none, in the query; 2.x never."""
    process = Process(Chat(), options=Options(max_disconnection_duration=60.0, recovery_clients="asking"))
    try:
        socket_io_3_to_5 = "EIO=4&transport=websocket"
        silent, denying = Returning("silent").to(process), Returning("denying", recovery=False).to(process)
        old = Returning("old", query="EIO=3&transport=websocket&recovery=true").to(process)
        asking = Returning("asking", recovery=True).to(process)
        by_query = Returning("by query", query=f"{socket_io_3_to_5}&recovery=true").to(process)
        say(process, 1)
        for client in (silent, denying, old):
            assert client.pid is None
            assert client.receive() == ["said", 1], "not one argument more"
        for client in (asking, by_query):
            assert client.receive() == ["said", 1]
            assert client.offset
            until_kept(process, client.pid)
            client.cut()
        say(process, 2)
        for client in (asking, by_query):
            assert client.to(process).recovered
            assert client.hear() == [2, client.name]
        assert recovery_of(process).store.reachable
    finally:
        process.stop()


def test_it_is_told_how_long_redis_takes_and_not_how_long_news_do(processes: list[Process]) -> None:
    """Between processes that say nothing a read waits for two seconds."""
    before, notes = instrumentation(), Exchanges()
    instrument(notes)
    try:
        ann = Returning().to(processes[0])
        until_kept(processes[0], ann.pid)
        say(processes[1], 1)
        assert ann.receive() == ["said", 1]
        eventually_sync(lambda: {part for part, *_ in notes.told} == {"channel_layer", "recovery"})
        time.sleep(2.5)
    finally:
        instrument(before)
    assert [told for told in notes.told if told[1] > 1.5 or told[2]] == []


def test_it_is_off_by_default() -> None:
    process = Process(Chat())
    ann = Returning().to(process)
    assert ann.pid is None
    say(process, 1)
    assert ann.receive() == ["said", 1]
    assert process.adapter.hooks is None
    process.stop()


def test_a_process_stops_though_its_redis_client_loses_the_cancellation() -> None:
    """As `asyncio.wait_for` of Python 3.11 does now and then."""
    process = Process(Chat(), options=Options(max_disconnection_duration=0.04))
    recovery = recovery_of(process)
    trimming = threading.Event()

    async def trim(oldest: int) -> None:
        trimming.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    with patch.object(recovery.store, "trim", trim):
        assert trimming.wait(5)
        process.stop()


def test_where_redis_is_away_from_the_start_connections_are_new_ones_until_it_comes(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path)
    process = Process(Chat(), options=Options(max_disconnection_duration=60.0, recovery_redis_url=redis.address))
    try:
        ann = Returning().to(process)
        say(process, 1)
        assert ann.pid is None
        assert ann.receive() == ["said", 1]
        redis.start()
        eventually_sync(lambda: ann.cut().to(process).pid is not None)
        until_kept(process, ann.pid)
        say(process, 2)
        assert ann.hear() == [2]
        ann.cut()
        say(process, 3)
        assert ann.to(process).recovered
        assert ann.hear() == [3, "ann"]
    finally:
        process.stop()
        redis.stop()


def test_while_redis_is_away_a_client_that_comes_back_is_new_and_others_lose_nothing(tmp_path: Path) -> None:
    """Who was cut off before it went and comes back after it gets what was emitted meanwhile too."""
    redis = EmbeddedRedis(tmp_path)
    redis.start()
    options = Options(max_disconnection_duration=60.0, recovery_redis_url=redis.address)
    processes = [Process(Chat(), options=options) for _ in range(2)]
    try:
        ann, bob = (Returning(name).to(processes[0]) for name in ("ann", "bob"))
        for person in (ann, bob):
            until_kept(processes[0], person.pid)
        say(processes[0], 1)
        assert [person.hear() for person in (ann, bob)] == [[1], [1]]
        until_kept(processes[0], ann.pid)
        for person in (ann, bob):
            person.cut()
        until_released(processes[0], ann, bob)
        redis.stop()
        say(processes[0], 2)
        assert not ann.to(processes[1]).recovered
        redis.start()
        say(processes[1], 3)
        until_reachable(*processes)
        bob.to(processes[1])
        assert bob.recovered
        say(processes[0], "end")
        heard = bob.hear_until("end")
        assert sorted(each for each in heard if each != "bob") == [2, 3]  # in the order in which they could be kept
    finally:
        for process in processes:
            process.stop()
        redis.stop()


def test_what_is_emitted_while_redis_is_away_reaches_other_processes_when_it_is_back(tmp_path: Path) -> None:
    """In order and once, for clients that stayed connected; those of the same process get it at once."""
    redis = EmbeddedRedis(tmp_path)
    redis.start()
    options = Options(max_disconnection_duration=60.0, recovery_redis_url=redis.address)
    processes = [Process(Chat(), options=options) for _ in range(2)]
    try:
        ann, bob = (Returning(name).to(process) for name, process in zip(("ann", "bob"), processes, strict=True))
        say(processes[0], 1)
        assert [person.receive() for person in (ann, bob)] == [["said", 1], ["said", 1]]
        for number in (2, 4):
            redis.stop()
            say(processes[0], number)
            assert ann.receive() == ["said", number]
            redis.start()
            until_reachable(*processes)
            say(processes[0], number + 1)
            assert ann.receive() == ["said", number + 1]
            assert [bob.receive(), bob.receive()] == [["said", number], ["said", number + 1]]
        assert [person.hear() for person in (ann, bob)] == [[], []]
    finally:
        for process in processes:
            process.stop()
        redis.stop()
