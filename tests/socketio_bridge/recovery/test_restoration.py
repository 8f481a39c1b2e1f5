"""Sessions that come back: as the socket that they were, with all that they missed, or as a new one."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import closing
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.conf import settings
from redis import Redis

from socketio_bridge import Options, emit, flush
from socketio_bridge.adapter import cluster
from socketio_bridge.recovery.offsets import ORIGIN_LENGTH, EntryId
from socketio_bridge.recovery.store import Entry
from tests.eventually import eventually_sync
from tests.socketio_bridge.client import FrameClient, connect
from tests.socketio_bridge.processes import Process

from .returning import Chat, Returning, holder, recovery_of, say, signed_in, until_kept


@pytest.mark.parametrize("index", [0, 1], ids=["same process", "another"])
def test_what_was_missed_comes_once_and_in_order(processes: list[Process], index: int) -> None:
    ann = Returning().to(processes[0])
    first_id = ann.id
    say(processes[0], 1, 2)
    assert ann.hear() == [1, 2]
    ann.cut()
    for number in range(3, 9, 2):
        say(processes[0], number)
        say(processes[1], number + 1)
    ann.to(processes[index])
    assert ann.recovered
    say(processes[0], 9)
    assert ann.hear_until(9) == [3, 4, 5, 6, 7, 8, "ann"]
    assert ann.hear() == []
    assert ann.answer == [first_id, "ann", ["all"], True]


def test_all_that_another_process_emits_in_one_turn_comes_to_who_came_back(processes: list[Process]) -> None:
    """It is one entry of the stream, of which the client has a part while the next message is looked at."""
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.cut()
    ann.to(processes[1])
    assert ann.recovered
    for numbers in ((1, 2, 3), (4, 5, 6)):
        say(processes[0], *numbers)
    assert ann.hear_until(6) == ["ann", 1, 2, 3, 4, 5]


def test_what_a_pattern_of_namespaces_got_was_missed_too(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.cut()
    for pattern in (re.compile("/lobby"), re.compile("/CHA.", re.IGNORECASE)):
        say(processes[1], pattern.pattern, namespace=pattern)
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == ["/CHA.", "ann"]
    say(processes[0], "here", namespace=re.compile("/ch.*"))
    assert ann.hear_until("here") == []


def test_a_session_comes_back_again_and_again(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ids = {ann.id}
    for number in range(5):
        ann.cut()
        say(processes[number % 2], number)
        ann.to(processes[(number // 2) % 2])
        assert ann.recovered
        ids.add(ann.id)
        assert ann.hear() == [number, "ann"]
    assert len(ids) == 1


def test_an_offset_names_no_process_that_has_said_nothing(processes: list[Process]) -> None:
    """Its first message, behind which it began to read, is in the stream: nobody has to wait for it."""
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.cut().to(processes[1])
    assert ann.recovered
    assert ann.hear() == ["ann"]
    assert processes[0].adapter.id[:ORIGIN_LENGTH] not in str(ann.offset)


def test_a_client_that_never_got_an_event_comes_back(processes: list[Process]) -> None:
    say(processes[0], "before its time")
    ann = Returning().to(processes[0]).cut()
    assert ann.offset is None
    say(processes[1], "missed")
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == ["missed", "ann"]


def test_what_was_sent_into_a_connection_that_had_broken_comes_again(processes: list[Process]) -> None:
    """What counts is what the client says that it has got."""
    ann = Returning().to(processes[0])
    say(processes[0], 1)
    ann.receive()
    say(processes[0], 2, 3)
    ann.cut().to(processes[1])
    assert ann.hear() == [2, 3, "ann"]


def test_the_process_that_had_the_session_may_have_died(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    say(processes[0], 1)
    ann.send('42/chat,["rename","anna"]')
    ann.send('42/chat,["enter","kitchen"]')
    assert ann.hear() == [1]
    until_kept(processes[0], ann.pid)
    processes[0].freeze()
    say(processes[1], 2)
    say(processes[1], 3, to="kitchen")
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [2, 3, "anna"]
    assert ann.answer[1:] == ["anna", ["all", "kitchen"], True]


def test_a_process_that_did_not_notice_the_cut_lets_go(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    old = ann.client
    say(processes[1], 1)
    assert '"said",1' in processes[0].run(old.receive())  # which the client never saw
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [1, "ann"]
    assert processes[0].run(old.receive()) == "closed"


def test_a_stopped_process_leaves_its_sessions_to_others(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    processes[0].stop()
    say(processes[1], 1)
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [1, "ann"]


def test_what_was_for_others_does_not_come(processes: list[Process]) -> None:
    ann = Returning().to(processes[0]).cut()
    say(processes[1], "kitchen", to="kitchen")
    say(processes[1], "not for ann", except_=ann.id)
    say(processes[1], "volatile", volatile=True)
    say(processes[1], "ann alone", to=ann.id)
    say(processes[1], "everyone", to=None)
    assert ann.to(processes[0]).hear() == ["ann alone", "everyone", "ann"]


def test_binary_is_kept(processes: list[Process]) -> None:
    ann = Returning().to(processes[0]).cut()
    say(processes[1], b"\x00\xff")
    ann.to(processes[1])
    frame = processes[1].run(ann.client.receive())
    assert frame.startswith('451-/chat,["said",{"_placeholder":true,"num":0},"')
    assert processes[1].run(ann.client.receive_binary()) == b"\x00\xff"


def test_what_is_emitted_while_a_client_comes_back_comes_once(processes: list[Process]) -> None:
    """Emissions go on in both processes: live packets wait for what was missed."""
    ann = Returning().to(processes[0])
    numbers = iter(range(1000))
    for turn in range(6):
        ann.cut()
        for _ in range(40):
            number = next(numbers)
            say(processes[number % 2], number)
            if number % 40 == 20:
                ann.to(processes[turn % 2])
                assert ann.recovered
        for process, mark in zip(processes, ("one end", "other end"), strict=True):
            say(process, mark)
        heard = [each for each in ann.hear_until("one end", "other end") if each != "ann"]
        assert sorted(heard) == list(range(turn * 40, turn * 40 + 40))
        for half in (0, 1):
            own = [each for each in heard if each % 2 == half]
            assert own == sorted(own)


@pytest.mark.parametrize("emitting", [0, 1], ids=["there", "elsewhere"])
def test_what_is_emitted_while_the_stream_is_read_comes_once(processes: list[Process], emitting: int) -> None:
    """It is in the stream already, and comes live too."""
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    store = recovery_of(processes[0]).store
    since = store.since

    async def slowly(first: EntryId) -> AsyncIterator[Entry]:
        await asyncio.to_thread(say, processes[1], 1) if emitting else await emit(
            "said", 1, to="all", namespace="/chat"
        )
        await flush()
        async for entry in since(first):
            yield entry

    ann.cut()
    with patch.object(store, "since", slowly):
        ann.to(processes[0])
    assert ann.recovered
    for process, mark in zip(processes, ("one end", "other end"), strict=True):
        say(process, mark)
    assert ann.hear_until("one end", "other end") == [1, "ann"]


def test_too_late_is_a_new_connection() -> None:
    process = Process(Chat(), options=Options(max_disconnection_duration=0.2))
    ann = Returning().to(process)
    first_id = ann.id
    ann.cut()
    process.run(recovery_of(process).saved())  # before, there is no session either
    eventually_sync(lambda: holder(process, ann.pid) is None)
    ann.to(process)
    assert not ann.recovered
    assert ann.id != first_id
    assert ann.hear() == []
    assert ann.answer == [ann.id, "ann", ["all"], False]
    process.stop()


@pytest.mark.parametrize("offset", ["garbage", "x" * 60_000, "9999999999999.a:b"])
def test_an_offset_that_is_none_is_a_new_connection(processes: list[Process], offset: str) -> None:
    ann = Returning().to(processes[0]).cut()
    ann.offset = offset
    assert not ann.to(processes[0]).recovered
    assert ann.hear() == []


def test_an_unknown_pid_is_a_new_connection(processes: list[Process]) -> None:
    ann = Returning()
    ann.pid = "made up"
    assert not ann.to(processes[0]).recovered
    assert ann.pid not in (None, "made up")


def test_who_logged_in_as_another_meanwhile_is_a_new_connection(processes: list[Process]) -> None:
    """The session's cookie may be another one by then: what was said to the one user is not for the other."""
    ann = Returning()
    ann.user = SimpleNamespace(pk=1, is_authenticated=True)
    ann.to(processes[0])
    until_kept(processes[0], ann.pid)
    assert ann.cut().to(processes[1]).recovered
    until_kept(processes[1], ann.pid)
    ann.cut().user = SimpleNamespace(pk=2, is_authenticated=True)
    first_id = ann.id
    assert not ann.to(processes[1]).recovered
    assert ann.id != first_id


def test_connect_middleware_does_not_run_for_who_comes_back(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    assert signed_in == ["ann"]
    until_kept(processes[0], ann.pid)
    assert ann.cut().to(processes[1]).recovered
    assert signed_in == ["ann"]
    assert not Returning("bob").to(processes[1]).recovered
    assert signed_in == ["ann", "bob"]


def test_a_namespace_may_refuse_who_comes_back(processes: list[Process]) -> None:
    ann = Returning("outcast").to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.cut().to(processes[0])
    assert "not again" in ann.refusal


def test_a_client_that_says_the_offset_of_an_earlier_session_gets_nothing_from_before_its_own(
    processes: list[Process],
) -> None:
    """The stock client keeps it until it gets an event."""
    ann = Returning().to(processes[0])
    say(processes[0], 1)
    assert ann.hear() == [1]
    stale, ann.pid = ann.offset, None
    ann.cut()
    say(processes[1], "while it had no session")
    ann.to(processes[1])
    ann.cut()
    ann.offset = stale
    say(processes[0], 2)
    assert ann.to(processes[1]).recovered
    assert ann.hear() == [2, "ann"]


def test_each_namespace_of_a_connection_comes_back_by_itself(processes: list[Process]) -> None:
    """With what it missed, once; of two, one may be new."""
    ann = Returning().to(processes[0])
    lobby = ann.also("/lobby")
    say(processes[0], 1)
    assert ann.hear() == [1]
    ann.cut()
    say(processes[1], 2)
    say(processes[1], "for the lobby", namespace="/lobby", to=None)
    ann.to(processes[1])
    assert ann.recovered
    assert ann.hear() == [2, "ann"]
    back = ann.also("/lobby", pid=lobby["pid"])
    assert (back["sid"], back["pid"]) == (lobby["sid"], lobby["pid"])
    assert '42/lobby,["said","for the lobby","' in processes[1].run(ann.client.receive())
    assert ann.also("/hall", pid="unknown")["pid"] != "unknown"


def test_what_another_process_could_not_write_yet_comes_when_it_can(processes: list[Process]) -> None:
    """Redis was away; the process that emitted notices its return later than the one to which the client comes back."""
    ann = Returning().to(processes[0])
    say(processes[1], 1)
    assert ann.receive() == ["said", 1]
    ann.cut()
    recovery = recovery_of(processes[1])
    with patch.object(recovery.store, "append", side_effect=OSError("away")):
        say(processes[1], 2)
        ann.to(processes[0])
        assert ann.recovered
        assert ann.hear() == ["ann"]
    assert ann.receive() == ["said", 2]
    assert ann.cut().to(processes[1]).recovered
    assert ann.hear() == ["ann"]


def test_what_a_client_got_before_it_was_in_the_stream_does_not_come_again(processes: list[Process]) -> None:
    """Sockets of the process that emits get it at once."""
    ann = Returning().to(processes[1])
    until_kept(processes[1], ann.pid)
    recovery = recovery_of(processes[1])
    with patch.object(recovery.store, "append", side_effect=OSError("away")):
        say(processes[1], 1)
        assert ann.receive() == ["said", 1]
        ann.cut().to(processes[0])
        assert ann.recovered
        say(processes[0], 2)
        assert ann.hear() == ["ann", 2]
        assert ann.cut().to(processes[0]).recovered
    say(processes[1], 3)
    assert ann.hear_until(3) == ["ann"]
    assert processes[1].adapter.id[:ORIGIN_LENGTH] not in str(ann.offset), "its number, which has its place by now"


def test_of_several_attempts_of_a_client_the_last_one_gets_the_session(processes: list[Process]) -> None:
    """The process that had it is dead, which takes others a while to notice: the client does not wait for that."""
    ann = Returning().to(processes[0])
    first_id = ann.id
    until_kept(processes[0], ann.pid)
    processes[0].freeze()
    say(processes[1], 1)
    for _ in range(3):
        attempt = connect(processes[1].server)
        client = processes[1].run(attempt.__aenter__())
        processes[1].run(client.send(f'40/chat,{{"pid":"{ann.pid}"}}'))
        processes[1].run(attempt.__aexit__(None, None, None))
    ann.to(processes[1])
    assert ann.recovered
    assert ann.id == first_id
    assert ann.hear() == [1, "ann"]


def test_a_process_that_was_killed_is_not_waited_for(processes: list[Process], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections to Redis end with it; that its heartbeats are missing, the others notice much later."""
    monkeypatch.setattr(cluster, "EXPIRY", 3600.0)
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    processes[0].freeze()
    with closing(Redis.from_url(settings.REDIS_URL)) as redis:
        for client in redis.client_list():
            if client["name"] == processes[0].adapter.id:
                redis.client_kill_filter(_id=client["id"])
    begun = time.monotonic()
    ann.to(processes[1])
    assert ann.recovered
    assert time.monotonic() - begun < 4, "or it was waited for its answer"


def test_two_connections_that_claim_a_session_at_once_do_not_both_get_it(processes: list[Process]) -> None:
    ann = Returning().to(processes[0])
    until_kept(processes[0], ann.pid)
    ann.cut()

    async def claim(client: FrameClient) -> str:
        await client.send(f'40/chat,{{"pid":"{ann.pid}"}}')
        return await client.receive(8.0)

    attempts = [connect(process.server) for process in processes]
    clients = [process.run(each.__aenter__()) for process, each in zip(processes, attempts, strict=True)]
    claims = [
        asyncio.run_coroutine_threadsafe(claim(client), process.loop)
        for process, client in zip(processes, clients, strict=True)
    ]
    answers = [each.result(15) for each in claims]
    for process, each in zip(processes, attempts, strict=True):
        process.run(each.__aexit__(None, None, None))
    assert any(f'"pid":"{ann.pid}"' in answer for answer in answers)
    after = Returning()
    after.pid = ann.pid
    assert after.to(processes[0]).recovered
    assert after.id == ann.id
