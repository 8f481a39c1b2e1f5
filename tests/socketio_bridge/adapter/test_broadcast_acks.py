"""Broadcasts that are acknowledged, over two processes: ann and cat are clients of the first, bob of the second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from socketio_bridge import AcksMissing, Namespace, Socket, broadcast_call
from tests.socketio_bridge.client import PLACEHOLDER
from tests.socketio_bridge.processes import Person, Process, introduce

People = dict[str, Person]


class Chat(Namespace):
    path = "/chat"

    async def on_connect(self, socket: Socket) -> None:
        await socket.enter_room("all")


@pytest.fixture
def people() -> Iterator[People]:
    first, second = Process(Chat()), Process(Chat())
    people = {"ann": first.client("ann"), "cat": first.client("cat"), "bob": second.client("bob")}
    introduce(first, second)
    yield people
    for person in people.values():
        person.leave()
    first.stop()
    second.stop()


def ask(people: People, *arguments: Any, **options: Any) -> Future[dict[str, list[Any]]]:
    """Begin a broadcast in ann's process."""
    defaults: dict[str, Any] = {"to": "all", "namespace": "/chat", "timeout": 5.0}
    call = broadcast_call("vote", *arguments, **defaults | options)
    return asyncio.run_coroutine_threadsafe(call, people["ann"].process.loop)


def answer(person: Person, *arguments: str) -> None:
    """Read the event and acknowledge it."""
    ack_id = person.receive().removeprefix("42/chat,").partition("[")[0]
    person.send(f"43/chat,{ack_id}[{','.join(arguments)}]")


def test_the_answers_of_all_processes_come_by_socket_id(people: People) -> None:
    asked = ask(people, "who?")
    for who, person in people.items():
        answer(person, f'"{who}"', "1")
    assert asked.result(5) == {person.id: [who, 1] for who, person in people.items()}


def test_it_is_for_whom_an_emit_would_be_for(people: People) -> None:
    asked = ask(people, except_=[people["ann"].id])
    for who in ("bob", "cat"):
        answer(people[who])
    assert asked.result(5) == {people[who].id: [] for who in ("bob", "cat")}
    assert ask(people, to="nowhere").result(5) == {}


def test_missing_answers_raise_with_those_that_came(people: People) -> None:
    asked = ask(people, timeout=0.3)
    answer(people["bob"], "1")
    with pytest.raises(AcksMissing, match=r"2 of 3 sockets did not acknowledge 'vote' within 0\.3 s") as caught:
        asked.result(5)
    assert caught.value.answers == {people["bob"].id: [1]}
    assert set(caught.value.missing) == {people["ann"].id, people["cat"].id}
    assert caught.value.failed == {}


def test_a_client_that_leaves_is_not_waited_for(people: People) -> None:
    asked = ask(people)
    answer(people["ann"])
    answer(people["cat"])
    people["bob"].receive()
    people["bob"].send("41/chat,")
    with pytest.raises(AcksMissing) as caught:
        asked.result(3)
    assert caught.value.missing == [people["bob"].id]


def test_binary_goes_and_comes(people: People) -> None:
    asked = ask(people, b"\x00\xff", to=[people["bob"].id])
    assert people["bob"].receive() == f'451-/chat,0["vote",{PLACEHOLDER}]'
    assert people["bob"].receive_binary() == b"\x00\xff"
    people["bob"].send(f"461-/chat,0[{PLACEHOLDER}]")
    people["bob"].process.run(people["bob"].client.send(b"\x01"))
    assert asked.result(5) == {people["bob"].id: [b"\x01"]}


def test_no_answer_spoils_those_of_others(people: People) -> None:
    asked = ask(people, except_=people["cat"].id)
    answer(people["ann"], "1")
    answer(people["bob"], str(2**70))
    with pytest.raises(AcksMissing) as caught:
        asked.result(5)
    assert caught.value.answers == {people["ann"].id: [1]}


async def test_a_process_without_sockets_asks_too(people: People) -> None:
    asking = asyncio.create_task(broadcast_call("vote", to="all", namespace="/chat", timeout=5.0))
    for who, person in people.items():
        await asyncio.to_thread(answer, person, f'"{who}"')
    assert await asking == {person.id: [who] for who, person in people.items()}
    nodes = people["ann"].process.adapter.cluster.nodes
    assert nodes == {people["bob"].process.adapter.id}
