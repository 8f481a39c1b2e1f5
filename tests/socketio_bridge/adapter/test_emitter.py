"""Whom an event reaches, over two processes: ann and cat are clients of the first, bob of the second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from socketio_bridge import Namespace, Socket, emit
from tests.socketio_bridge.processes import Person, Process

People = dict[str, Person]


class Chat(Namespace):
    path = "/chat"

    def __init__(self) -> None:
        super().__init__()
        self.sockets: dict[str, Socket] = {}

    async def on_connect(self, socket: Socket) -> None:
        self.sockets[socket.handshake.auth["who"]] = socket
        await socket.enter_room("all")


@pytest.fixture
def chats() -> tuple[Chat, Chat]:
    return Chat(), Chat()


@pytest.fixture
def people(chats: tuple[Chat, Chat]) -> Iterator[People]:
    first, second = (Process(chat) for chat in chats)
    people = {"ann": first.client("ann"), "cat": first.client("cat"), "bob": second.client("bob")}
    yield people
    for person in people.values():
        person.leave()
    first.stop()
    second.stop()


def reached(people: People) -> dict[str, list[str]]:
    """What has come to each since the last time."""
    return {who: received for who, person in people.items() if (received := until_mark(person))}


def until_mark(person: Person) -> list[str]:
    received = []
    while (frame := person.receive()) != '42/chat,["mark"]':
        received.append(frame)
    return received


def mark(people: People) -> None:
    people["ann"].process.run(emit("mark", to="all", namespace="/chat"))


def test_a_socket_broadcasts_to_all_but_itself(people: People, chats: tuple[Chat, Chat]) -> None:
    ann = chats[0].sockets["ann"]
    broadcasts: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {"bob", "cat"}),
        ({"to": "all"}, {"bob", "cat"}),
        ({"except_": people["bob"].id}, {"cat"}),
        ({"to": ["all"], "except_": [people["cat"].id]}, {"bob"}),
        ({"local": True}, {"cat"}),
        ({"to": people["ann"].id}, set()),
    ]
    for options, expected in broadcasts:
        people["ann"].process.run(ann.broadcast("hi", **options))
        mark(people)
        assert reached(people) == {who: ['42/chat,["hi"]'] for who in expected}, options


def test_a_local_event_stays_in_its_process(people: People) -> None:
    people["ann"].process.run(emit("hi", to="all", namespace="/chat", local=True))
    mark(people)
    assert set(reached(people)) == {"ann", "cat"}


async def test_a_process_without_sockets_has_nobody_to_reach_locally(people: People) -> None:
    await emit("hi", to="all", namespace="/chat", local=True)
    await asyncio.to_thread(mark, people)
    assert await asyncio.to_thread(reached, people) == {}


def test_volatile_events_pass_by_clients_for_whom_another_packet_has_not_left(
    people: People, chats: tuple[Chat, Chat]
) -> None:
    """Within one turn of the event loop too: of two in a row one goes out."""
    ann, cat = chats[0].sockets["ann"], chats[0].sockets["cat"]

    async def in_one_turn() -> None:
        await ann.emit("news")
        for number in (1, 2):
            await emit("cursor", number, to="all", namespace="/chat", volatile=True)
        await ann.emit("cursor", 3, volatile=True)
        await cat.emit("cursor", 4, volatile=True)

    people["ann"].process.run(in_one_turn())
    mark(people)
    cursor = ['42/chat,["cursor",1]']
    assert reached(people) == {"ann": ['42/chat,["news"]'], "bob": cursor, "cat": cursor}


def test_volatile_events_pass_by_a_client_that_is_not_in_yet(people: People, chats: tuple[Chat, Chat]) -> None:
    chat = chats[0]

    async def on_connect(socket: Socket) -> None:
        await socket.enter_room("all")
        await emit("cursor", to=socket.id, namespace="/chat", volatile=True)
        await socket.emit("cursor", volatile=True)

    chat.on_connect = on_connect  # type: ignore[method-assign]
    people["dan"] = people["ann"].process.client("dan")
    mark(people)
    assert reached(people) == {}
