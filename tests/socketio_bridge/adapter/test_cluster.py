"""Questions and answers between the hubs of several processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from socketio_bridge.adapter import cluster as module
from socketio_bridge.adapter.cluster import Answers, Cluster
from socketio_bridge.adapter.envelope import Hello, Message
from socketio_bridge.exceptions import HubFailed, HubGone, HubTimeout
from tests.socketio_bridge.processes import Process


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made = [Process() for _ in range(3)]
    for process in made:
        process.run(process.hub.cluster._acquainted.wait())
    yield made
    for process in made:
        if not process.loop.is_closed():
            process.stop()


async def sleep(asker: str, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


def ask(asker: Process, asked: Process, kind: str, body: Any = None, timeout: float | None = None) -> Any:
    return asker.run(asker.hub.cluster.ask(asked.hub.id, kind, body, timeout))


def ask_all(asker: Process, kind: str, body: Any = None, timeout: float | None = None) -> Answers:
    return asker.run(asker.hub.cluster.ask_all(kind, body, timeout))


def test_a_hub_answers_another_and_itself(processes: list[Process]) -> None:
    body = {"text": "é", "binary": b"\x00\xff", "list": [1, None, 2.5]}
    processes[1].hub.cluster.answer("echo", lambda asker, body: [asker, body])
    for asker in processes:
        assert ask(asker, processes[1], "echo", body) == [asker.hub.id, body]


def test_all_others_are_asked(processes: list[Process]) -> None:
    for process in processes:
        process.hub.cluster.answer("who", lambda asker, body: [asker, body])
    asker = processes[1]
    expected = {process.hub.id: [asker.hub.id, "?"] for process in (processes[0], processes[2])}
    assert ask_all(asker, "who", "?") == Answers(expected, {})


def test_a_hub_knows_all_others_from_its_first_question_on(processes: list[Process]) -> None:
    newcomer = Process()
    for process in processes:
        process.hub.cluster.answer("here", lambda asker, body: True)
    assert len(ask_all(newcomer, "here").received) == 3
    newcomer.stop()


def test_why_a_hub_did_not_answer_is_said(processes: list[Process]) -> None:
    asker, slow, broken = processes
    slow.hub.cluster.answer("work", lambda asker, body: sleep(asker, 5))
    broken.hub.cluster.answer("work", lambda asker, body: 1 // 0)
    received, failed = ask_all(asker, "work", timeout=0.2)
    assert received == {}
    assert isinstance(failed[slow.hub.id], HubTimeout)
    assert isinstance(failed[broken.hub.id], HubFailed)
    with pytest.raises(HubTimeout, match=r"'work' within 0\.2 s"):
        ask(asker, slow, "work", timeout=0.2)
    with pytest.raises(HubFailed, match="ZeroDivisionError"):
        ask(asker, broken, "work")
    with pytest.raises(HubFailed, match="nothing here answers 'sing'"):
        ask(asker, slow, "sing")


def test_questions_of_one_hub_are_taken_in_order(processes: list[Process]) -> None:
    asker, asked, _ = processes
    taken: list[int] = []

    async def take(asker: str, number: int) -> None:
        taken.append(number)
        await asyncio.sleep(0.001)

    async def ask_many() -> None:
        for number in range(0, 300, 3):
            asker.hub.cluster.tell(asked.hub.id, "take", number)
        answers = [asker.hub.cluster.ask(asked.hub.id, "take", number) for number in range(300, 400)]
        await asyncio.gather(*answers)

    asked.hub.cluster.answer("take", take)
    asker.run(ask_many())
    assert taken == [*range(0, 300, 3), *range(300, 400)]


def test_a_hub_knows_since_when_it_hears_nobody(processes: list[Process]) -> None:
    last, *others = processes

    async def silence() -> float:
        return last.hub.cluster.silence

    assert last.run(silence()) == 0
    for other in others:
        other.stop()
    while last.run(silence()) == 0:
        time.sleep(0.01)
    assert 0 < last.run(silence()) < 60


def test_a_question_that_cannot_be_encoded_is_the_askers_error_alone(processes: list[Process]) -> None:
    asker, asked, _ = processes
    asked.hub.cluster.answer("echo", lambda asker, body: body)
    with pytest.raises(TypeError):
        ask(asker, asked, "echo", object())
    assert ask(asker, asked, "echo", 1) == 1
    asked.hub.cluster.answer("wrong", lambda asker, body: object())
    with pytest.raises(HubFailed, match="TypeError"):
        ask(asker, asked, "wrong")


def test_a_hub_that_is_not_there_is_gone_at_once(processes: list[Process]) -> None:
    began = time.monotonic()
    with pytest.raises(HubGone, match="no hub 'nobody'"):
        processes[0].run(processes[0].hub.cluster.ask("nobody", "echo", timeout=10))
    assert time.monotonic() - began < 1


def test_a_hub_that_stops_fails_what_it_was_asked(processes: list[Process]) -> None:
    asker, asked, other = processes
    asked.hub.cluster.answer("sleep", sleep)
    other.hub.cluster.answer("sleep", lambda asker, body: "awake")
    questions = asker.hub.cluster.ask(asked.hub.id, "sleep", 10), asker.hub.cluster.ask_all("sleep", 10)
    waiting = [asyncio.run_coroutine_threadsafe(question, asker.loop) for question in questions]
    time.sleep(0.2)
    asked.stop()
    with pytest.raises(HubGone, match="has stopped"):
        waiting[0].result(2)
    answers: Any = waiting[1].result(2)
    assert answers.received == {other.hub.id: "awake"}
    assert isinstance(answers.failed[asked.hub.id], HubGone)
    assert asker.hub.cluster.hubs == {other.hub.id}


def test_a_hub_that_dies_fails_what_it_was_asked_in_seconds(processes: list[Process]) -> None:
    asker, asked, _ = processes
    asked.hub.cluster.answer("sleep", sleep)
    with patch.object(module, "_EXPIRY", 1.5):
        question = asker.hub.cluster.ask(asked.hub.id, "sleep", 60)
        waiting = asyncio.run_coroutine_threadsafe(question, asker.loop)
        time.sleep(0.2)
        asked.die()
        with pytest.raises(HubGone, match="not heard of"):
            waiting.result(6)


async def test_a_loop_that_stood_still_takes_nobody_for_dead() -> None:
    sent: list[Message] = []
    cluster = Cluster("here", lambda message, hub_id: sent.append(message), alone=False)
    with patch.object(module, "_EXPIRY", 0.1), patch.object(module, "_HEARTBEAT", 0.02):
        cluster.join()
        cluster.receive("there", Hello())
        time.sleep(0.3)
        await asyncio.sleep(0.01)
        assert cluster.hubs == {"there"}
        await asyncio.sleep(0.2)
        assert cluster.hubs == frozenset()
    cluster.leave()


async def test_without_a_channel_layer_a_hub_asks_itself_alone() -> None:
    cluster = Cluster("here", lambda message, hub_id: pytest.fail("sent"), alone=True)
    cluster.join()
    cluster.answer("echo", lambda asker, body: body)
    assert await cluster.ask("here", "echo", 1) == 1
    assert await cluster.ask_all("echo") == Answers({}, {})
    with pytest.raises(HubGone):
        await cluster.ask("there", "echo")
    cluster.leave()
