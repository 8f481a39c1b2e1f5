"""Questions and answers between the nodes of several processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from socketio_bridge.adapter import cluster as module
from socketio_bridge.adapter.cluster import Cluster, Responses
from socketio_bridge.adapter.envelope import Heartbeat, Message
from socketio_bridge.exceptions import NodeGone, RequestFailed, RequestTimeout
from tests.eventually import eventually, eventually_sync
from tests.socketio_bridge.processes import Process, introduce


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made = [Process() for _ in range(3)]
    introduce(*made)
    yield made
    for process in made:
        if not process.loop.is_closed():
            process.stop()


async def sleep(asker: str, seconds: float) -> str:
    asleep.append(asker)
    await asyncio.sleep(seconds)
    return "slept"


asleep: list[str] = []
"""Who asked a process to sleep."""


def ask(asker: Process, asked: Process, kind: str, body: Any = None, timeout: float | None = None) -> Any:
    return asker.run(asker.adapter.cluster.request(asked.adapter.id, kind, body, timeout))


def ask_all(asker: Process, kind: str, body: Any = None, timeout: float | None = None) -> Responses:
    return asker.run(asker.adapter.cluster.request_all(kind, body, timeout))


def test_a_node_answers_another_and_itself(processes: list[Process]) -> None:
    body = {"text": "é", "binary": b"\x00\xff", "list": [1, None, 2.5]}
    processes[1].adapter.cluster.on_request("echo", lambda asker, body: [asker, body])
    for asker in processes:
        assert ask(asker, processes[1], "echo", body) == [asker.adapter.id, body]


def test_all_others_are_asked(processes: list[Process]) -> None:
    for process in processes:
        process.adapter.cluster.on_request("who", lambda asker, body: [asker, body])
    asker = processes[1]
    expected = {process.adapter.id: [asker.adapter.id, "?"] for process in (processes[0], processes[2])}
    assert ask_all(asker, "who", "?") == Responses(expected, {})


def test_a_node_knows_all_others_from_its_first_question_on(processes: list[Process]) -> None:
    newcomer = Process()
    for process in processes:
        process.adapter.cluster.on_request("here", lambda asker, body: True)
    assert len(ask_all(newcomer, "here").received) == 3
    newcomer.stop()


def test_why_a_node_did_not_answer_is_said(processes: list[Process]) -> None:
    asker, slow, broken = processes
    slow.adapter.cluster.on_request("work", lambda asker, body: sleep(asker, 5))
    broken.adapter.cluster.on_request("work", lambda asker, body: 1 // 0)
    received, failed = ask_all(asker, "work", timeout=0.2)
    assert received == {}
    assert isinstance(failed[slow.adapter.id], RequestTimeout)
    assert isinstance(failed[broken.adapter.id], RequestFailed)
    with pytest.raises(RequestTimeout, match=r"'work' within 0\.2 s"):
        ask(asker, slow, "work", timeout=0.2)
    with pytest.raises(RequestFailed, match="ZeroDivisionError"):
        ask(asker, broken, "work")
    with pytest.raises(RequestFailed, match="nothing here answers 'sing'"):
        ask(asker, slow, "sing")


def test_questions_of_one_node_are_taken_in_order(processes: list[Process]) -> None:
    asker, asked, _ = processes
    taken: list[int] = []

    async def take(asker: str, number: int) -> None:
        taken.append(number)
        await asyncio.sleep(0.001)

    async def ask_many() -> None:
        for number in range(0, 300, 3):
            asker.adapter.cluster.notify(asked.adapter.id, "take", number)
        answers = [asker.adapter.cluster.request(asked.adapter.id, "take", number) for number in range(300, 400)]
        await asyncio.gather(*answers)

    asked.adapter.cluster.on_request("take", take)
    asker.run(ask_many())
    assert taken == [*range(0, 300, 3), *range(300, 400)]


def test_a_node_knows_since_when_it_hears_nobody(processes: list[Process]) -> None:
    last, *others = processes

    async def silence() -> float:
        return last.adapter.cluster.silence

    assert last.run(silence()) == 0
    for other in others:
        other.stop()
    eventually_sync(lambda: last.run(silence()))
    assert 0 < last.run(silence()) < 60


def test_a_question_that_cannot_be_encoded_is_the_askers_error_alone(processes: list[Process]) -> None:
    asker, asked, _ = processes
    asked.adapter.cluster.on_request("echo", lambda asker, body: body)
    with pytest.raises(TypeError):
        ask(asker, asked, "echo", object())
    assert ask(asker, asked, "echo", 1) == 1
    asked.adapter.cluster.on_request("wrong", lambda asker, body: object())
    with pytest.raises(RequestFailed, match="TypeError"):
        ask(asker, asked, "wrong")


def test_a_node_that_is_not_there_is_gone_at_once(processes: list[Process]) -> None:
    began = time.monotonic()
    with pytest.raises(NodeGone, match="no node 'nobody'"):
        processes[0].run(processes[0].adapter.cluster.request("nobody", "echo", timeout=10))
    assert time.monotonic() - began < 1


def test_a_node_that_stops_fails_what_it_was_asked(processes: list[Process]) -> None:
    asker, asked, other = processes
    asleep.clear()
    asked.adapter.cluster.on_request("sleep", sleep)
    other.adapter.cluster.on_request("sleep", lambda asker, body: "awake")
    questions = (
        asker.adapter.cluster.request(asked.adapter.id, "sleep", 10),
        asker.adapter.cluster.request_all("sleep", 10),
    )
    waiting = [asyncio.run_coroutine_threadsafe(question, asker.loop) for question in questions]
    eventually_sync(lambda: len(asleep) == 2)
    asked.stop()
    with pytest.raises(NodeGone, match="has stopped"):
        waiting[0].result(2)
    answers: Any = waiting[1].result(2)
    assert answers.received == {other.adapter.id: "awake"}
    assert isinstance(answers.failed[asked.adapter.id], NodeGone)
    assert asker.adapter.cluster.nodes == {other.adapter.id}


def test_a_node_that_dies_fails_what_it_was_asked_in_seconds(processes: list[Process]) -> None:
    asker, asked, _ = processes
    asleep.clear()
    asked.adapter.cluster.on_request("sleep", sleep)
    with patch.object(module, "EXPIRY", 1.5):
        question = asker.adapter.cluster.request(asked.adapter.id, "sleep", 60)
        waiting = asyncio.run_coroutine_threadsafe(question, asker.loop)
        eventually_sync(lambda: asleep)
        asked.die()
        with pytest.raises(NodeGone, match="not heard of"):
            waiting.result(6)


async def test_a_loop_that_stood_still_takes_nobody_for_dead() -> None:
    sent: list[Message] = []
    cluster = Cluster("here", lambda message, node_id: sent.append(message), alone=False)
    with patch.object(module, "EXPIRY", 0.1), patch.object(module, "HEARTBEAT", 0.02):
        cluster.join()
        cluster.receive("there", Heartbeat())
        sent.clear()
        time.sleep(0.3)  # the loop stands still
        await eventually(lambda: sent)  # a heartbeat, late
        assert cluster.nodes == {"there"}
        await eventually(lambda: not cluster.nodes)
    cluster.leave()


async def test_without_a_channel_layer_a_node_asks_itself_alone() -> None:
    cluster = Cluster("here", lambda message, node_id: pytest.fail("sent"), alone=True)
    cluster.join()
    cluster.on_request("echo", lambda asker, body: body)
    assert await cluster.request("here", "echo", 1) == 1
    assert await cluster.request_all("echo") == Responses({}, {})
    with pytest.raises(NodeGone):
        await cluster.request("there", "echo")
    cluster.leave()
