"""Sessions that are here: who may come back at all, and from where on."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from unittest.mock import patch

from devstack.embedded import EmbeddedRedis
from socketio_bridge import Options, emit
from tests.socketio_bridge.processes import Process

from .returning import RECOVERING, Chat, Returning, recovery_of, say, until_kept


def test_who_leaves_or_is_put_out_does_not_come_back(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.send("41/chat,")
    time.sleep(0.1)
    assert not ann.cut().to(processes[0]).recovered


def test_protocol_4_clients_get_nothing_of_it(processes: list[Process]) -> None:
    old = Returning(query="EIO=3&transport=websocket").to(processes[0])
    assert old.pid is None
    say(processes[0], 1)
    assert old.hear() == [1]


def test_it_is_off_by_default() -> None:
    process = Process(Chat())
    ann = Returning().to(process)
    assert ann.pid is None
    say(process, 1)
    assert ann.receive() == ["said", 1]
    assert process.adapter.hooks is None
    process.stop()


def test_a_session_that_was_quiet_for_longer_than_it_may_be_cut_off_gets_what_then_got_lost() -> None:
    """All it can say is that it is far behind: that it missed nothing until lately, its process knows."""
    process = Process(Chat(), options=RECOVERING)
    ann = Returning().to(process)
    recovery = recovery_of(process)
    progress = recovery._progress

    async def an_hour_ago() -> None:
        progress._up_to = time.time() - 3600
        for socket in recovery._held.values():
            socket.extension_state.known = {"": progress.offset()}
        await emit("said", 1, to="all", namespace="/chat")

    process.run(an_hour_ago())
    assert ann.receive() == ["said", 1]
    while progress.milliseconds < (time.time() - 60) * 1000:
        time.sleep(0.01)  # until its own envelope has come back
    process.run(recovery._renew())
    say(process, "lost on its way")
    assert "lost" in process.run(ann.client.receive())
    assert ann.cut().to(process).recovered
    assert ann.hear() == ["lost on its way", "ann"]
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

    with patch.object(recovery._store, "trim", trim):
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
        _until_reachable(process)
        assert ann.cut().to(process).pid is not None
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
        time.sleep(0.2)
        redis.stop()
        say(processes[0], 2)
        assert not ann.to(processes[1]).recovered
        redis.start()
        say(processes[1], 3)
        for process in processes:
            _until_reachable(process)
        bob.to(processes[1])
        assert bob.recovered
        assert sorted(bob.hear()[:-1]) == [2, 3]  # in the order in which they could be kept
    finally:
        for process in processes:
            process.stop()
        redis.stop()


def _until_reachable(process: Process) -> None:
    recovery = recovery_of(process)
    deadline = time.monotonic() + 10
    while not recovery._store.reachable:
        assert time.monotonic() < deadline
        time.sleep(0.02)
