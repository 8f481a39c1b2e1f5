"""What a process tells others is in the stream once, in order, an entry a loop turn; what got lost is known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import patch

import pytest
import pytest_asyncio

from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.recovery import stream as module
from socketio_bridge.recovery.redis_store import RedisRecoveryStore
from socketio_bridge.recovery.store import Entry, Place
from socketio_bridge.recovery.stream import Stream
from tests.eventually import eventually, eventually_sync
from tests.socketio_bridge.processes import Process

from .returning import RECOVERING, Returning, recovery_of, say


def emission(text: str, *, volatile: bool = False) -> Emission:
    return Emission("/chat", None, [], text, volatile=volatile)


class Store(RedisRecoveryStore):
    """The real one, that can be away, and whose answers can get lost."""

    away = False
    loses_an_answer = False

    async def append(self, *arguments: Any, **named: Any) -> None:
        if self.away:
            raise OSError("away")
        await super().append(*arguments, **named)
        if self.loses_an_answer:
            self.loses_an_answer = False
            raise TimeoutError("no answer")


class Line:
    """A process's end of the stream, and what it has read."""

    def __init__(self) -> None:
        self.store = Store(Place.of(RECOVERING), "me")
        self.entries: list[Entry] = []
        self.stream = Stream("me", self.store, self.entries.append)

    def record(self, texts: str, **options: Any) -> None:
        for text in texts:
            self.stream.record(emission(text, **options))

    async def read(self, last: str) -> list[tuple[str, bool]]:
        """The packets of each entry and whether something is missing before; when the last one is there."""
        await eventually(lambda: self.told and self.told[-1][0].endswith(last))
        return self.told

    @property
    def told(self) -> list[tuple[str, bool]]:
        emissions = [[each for each in entry.messages if isinstance(each, Emission)] for entry in self.entries]
        told = zip(emissions, self.entries, strict=True)
        return [("".join(each.packet for each in several), entry.gap > 0) for several, entry in told if several]


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    await line.stream.start()
    yield line
    await line.stream.stop()
    await line.store.close()


async def test_a_turn_of_the_loop_is_one_entry(line: Line) -> None:
    line.record("abc")
    assert await line.stream.kept()
    line.record("d")
    assert await line.read("d") == [("abc", False), ("d", False)]


async def test_what_cannot_be_written_waits_until_redis_is_back_and_holds_nobody_up(line: Line) -> None:
    """Apart from what is volatile, which is for those who are there."""
    line.store.away = True
    line.record("a")
    assert not await asyncio.wait_for(line.stream.kept(), 2)
    line.record("b")
    line.record("v", volatile=True)
    assert not await asyncio.wait_for(line.stream.kept(), 2)
    line.store.away = False
    await eventually(lambda: line.store.reachable)
    line.record("c")
    assert "".join(text for text, _ in await line.read("c")) == "abc"


async def test_what_was_written_though_the_answer_got_lost_is_not_written_again(line: Line) -> None:
    line.store.loses_an_answer = True
    line.record("ab")
    await line.read("b")
    line.record("c")
    assert await line.read("c") == [("ab", False), ("c", False)]


@pytest.mark.parametrize("limit", ["LIMIT", "SIZE"])
async def test_what_had_to_make_room_is_missed_by_whoever_reads_on(
    line: Line, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """So many messages wait for Redis at most, and so many bytes; each here has one."""
    monkeypatch.setattr(module, limit, 4)
    line.store.away = True
    line.record("abcdef")
    assert not await line.stream.kept()
    line.store.away = False
    await eventually(lambda: line.store.reachable)
    line.record("g")
    assert await line.read("g") in ([("def", True), ("g", False)], [("cdef", True), ("g", False)])


async def test_a_process_that_ended_has_no_connection(line: Line) -> None:
    other = RedisRecoveryStore(Place.of(RECOVERING), "other")
    await other.newest()
    assert await line.store.connected("other")
    await other.close()
    await eventually(lambda: _gone(line, "other"))


async def _gone(line: Line, node_id: str) -> bool:
    return not await line.store.connected(node_id)


@pytest.mark.parametrize("knows", [True, False], ids=["of a process that it had heard of", "of one that it had not"])
def test_where_something_missed_was_not_kept_it_is_a_new_connection(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch, knows: bool
) -> None:
    """Redis was away for too long: rather than recovered with a gap, the client is told that it is new."""
    ann = Returning().to(processes[1])
    say(processes[0] if knows else processes[1], 1)
    assert ann.receive() == ["said", 1]
    ann.cut()
    recovery = recovery_of(processes[0])
    monkeypatch.setattr(module, "LIMIT", 2)
    with patch.object(recovery.store, "append", side_effect=OSError("away")):
        say(processes[0], *range(2, 8))
    say(processes[0], 8)
    eventually_sync(lambda: recovery.store.reachable)
    assert not ann.to(processes[1]).recovered
    assert ann.hear() == []


def test_who_reads_on_behind_what_had_to_make_room_is_told_so_and_since_when(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = gaps_of(processes[1], monkeypatch)
    say(processes[0], 1)
    recovery = recovery_of(processes[0])
    monkeypatch.setattr(module, "LIMIT", 2)
    with patch.object(recovery.store, "append", side_effect=OSError("away")):
        began = time.monotonic()
        say(processes[0], *range(2, 8))
        time.sleep(1)
    eventually_sync(lambda: gaps)
    assert began - 0.5 < gaps[0] < began + 0.5
    assert len(gaps) == 1


def test_what_redis_has_lost_is_a_gap_and_an_outage_alone_is_none(
    processes: list[Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps = gaps_of(processes[1], monkeypatch)
    say(processes[0], 1)
    store = recovery_of(processes[1]).store
    ann = Returning().to(processes[1])
    with patch.object(store, "read", side_effect=OSError("away")):
        eventually_sync(lambda: not store.reachable)
        say(processes[0], 2)
    assert ann.receive() == ["said", 2]
    with patch.object(store, "read", side_effect=OSError("away")):
        eventually_sync(lambda: not store.reachable)
        began = time.monotonic()
        say(processes[0], 3)
        _empty_the_stream(processes[0])
    say(processes[0], 4)
    assert ann.receive() == ["said", 4]
    eventually_sync(lambda: gaps)
    assert gaps[0] <= began
    assert len(gaps) == 1


def gaps_of(process: Process, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The gaps that a process is told of from now on."""
    gaps: list[float] = []
    monkeypatch.setattr(process.server.namespaces["/chat"], "on_gap", gaps.append)
    return gaps


def _empty_the_stream(process: Process) -> None:
    process.run(recovery_of(process).store.trim(2**60))
