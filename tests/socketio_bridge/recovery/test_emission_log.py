"""What is emitted is kept before others hear it, in order, once a loop turn; and what could not be kept is known."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from unittest.mock import patch

import pytest

from socketio_bridge import emit
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.options import Options
from socketio_bridge.recovery import emission_log
from socketio_bridge.recovery.emission_log import EmissionLog
from socketio_bridge.recovery.store import Place, RedisRecoveryStore
from tests.socketio_bridge.processes import Process

from .returning import RECOVERING, Returning, recovery_of, say

Appended = list[tuple[list[str], int]]


def emission(text: str) -> Emission:
    return Emission("/chat", None, [], text)


class Store(RedisRecoveryStore):
    """The real one, that can be away."""

    def __init__(self, options: Options = RECOVERING) -> None:
        super().__init__(Place.of(options))
        self.away = False

    async def append(self, *arguments: Any) -> None:
        if self.away:
            raise OSError("away")
        await super().append(*arguments)

    async def holds(self) -> Appended:
        return [([each.packet for each in entry.emissions], entry.lost_until) async for entry in self.since("0")]


async def test_a_turn_of_the_loop_is_one_entry() -> None:
    store = Store()
    log = EmissionLog("me", store)
    for text in "abc":
        log.record(emission(text))
    await log.kept()
    log.record(emission("d"))
    await log.stop()
    assert await store.holds() == [(["a", "b", "c"], 0), (["d"], 0)]
    await store.close()


async def test_what_cannot_be_written_waits_until_redis_is_back_and_holds_nobody_up() -> None:
    store = Store()
    log = EmissionLog("me", store)
    store.away = True
    log.record(emission("a"))
    await asyncio.wait_for(log.kept(), 2)
    log.record(emission("b"))
    await asyncio.wait_for(log.kept(), 2)
    assert await store.holds() == []
    store.away = False
    while not store.reachable:
        await asyncio.sleep(0.01)
    log.record(emission("c"))
    await log.kept()
    assert await store.holds() == [(["a", "b"], 0), (["c"], 0)]
    await store.close()


@pytest.mark.parametrize("limit", ["_LIMIT", "_SIZE"])
async def test_what_had_to_make_room_is_missed_by_whoever_reads_on(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """So many emissions wait for Redis at most, and so many bytes; each here has one."""
    monkeypatch.setattr(emission_log, limit, 4)
    store = Store()
    log = EmissionLog("me", store)
    before = time.time()
    store.away = True
    for text in "abcdef":
        log.record(emission(text))
    await log.kept()
    store.away = False
    while not store.reachable:
        await asyncio.sleep(0.01)
    log.record(emission("g"))
    await log.stop()
    (kept, lost_until), after = await store.holds()
    assert kept == ["d", "e", "f"] or kept == ["c", "d", "e", "f"]
    assert lost_until >= int(before * 1000)
    assert after == (["g"], 0)
    await store.close()


def test_nobody_elsewhere_hears_what_is_not_in_the_stream(processes: list[Process]) -> None:
    """So a process that is killed leaves nothing behind that others have heard and cannot account for."""
    ann = Returning().to(processes[0])
    recovery = recovery_of(processes[1])
    append, let_go = recovery._store.append, asyncio.Event()

    async def slowly(*arguments: Any) -> None:
        await let_go.wait()
        await append(*arguments)

    with patch.object(recovery._store, "append", slowly):
        processes[1].run(emit("said", "later", to="all", namespace="/chat"))
        time.sleep(0.1)
        assert ann.hear() == []
        processes[1].loop.call_soon_threadsafe(let_go.set)
        assert ann.receive() == ["said", "later"]


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
    monkeypatch.setattr(emission_log, "_LIMIT", 2)
    with patch.object(recovery._store, "append", side_effect=OSError("away")):
        say(processes[0], *range(2, 8))
    say(processes[0], 8)
    time.sleep(2 * emission_log._RETRY)
    assert not ann.to(processes[1]).recovered
    assert ann.hear() == []
