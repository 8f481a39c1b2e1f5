"""Sockets of all processes, over two of them: ann and cat are clients of the first, bob of the second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from channels.layers import channel_layers
from django.test import override_settings

from socketio_bridge import (
    ClusterError,
    Namespace,
    RemoteSocket,
    RequestFailed,
    Socket,
    disconnect_sockets,
    emit,
    fetch_sockets,
    sockets_join,
    sockets_leave,
)
from tests.socketio_bridge.processes import Person, Process, introduce

People = dict[str, Person]


@dataclass
class User:
    name: str


class Chat(Namespace):
    path = "/chat"

    async def on_connect(self, socket: Socket) -> None:
        socket.data.user = User(socket.handshake.auth["who"])
        socket.data.connection = object()
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


def by_name(sockets: list[RemoteSocket]) -> dict[str, RemoteSocket]:
    return {socket.data["user"]["name"]: socket for socket in sockets}


def test_sockets_are_described_as_far_as_they_can_be(people: People) -> None:
    for person in people.values():
        sockets = by_name(person.process.run(fetch_sockets(to=None, namespace="/chat")))
        assert set(sockets) == set(people)
        for who, socket in sockets.items():
            assert (socket.id, socket.namespace, socket.rooms) == (
                people[who].id,
                "/chat",
                frozenset({"all", people[who].id}),
            )
            assert socket.data == {"user": {"name": who}}
            assert socket.handshake.auth == {"who": who}
            assert socket.handshake.query["EIO"] == "4"
            assert socket.handshake.headers["host"] == "testserver"
            assert abs(socket.handshake.time.timestamp() - time.time()) < 60
            assert not socket.handshake.secure


def test_rooms_choose_whom_is_fetched(people: People) -> None:
    run = people["ann"].process.run
    bob = people["bob"].id
    assert set(by_name(run(fetch_sockets(to="all", namespace="/chat", except_=bob)))) == {"ann", "cat"}
    assert set(by_name(run(fetch_sockets(to=[bob], namespace="/chat")))) == {"bob"}
    assert run(fetch_sockets(to="nowhere", namespace="/chat")) == []


async def test_a_process_without_sockets_fetches_them_too(people: People) -> None:
    assert set(by_name(await fetch_sockets(to=None, namespace="/chat"))) == set(people)


async def test_without_the_layer_a_process_without_sockets_does_not_take_the_others_for_empty() -> None:
    host = "redis://127.0.0.1:1/0"
    backend = {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [host]}}
    for layers, error in (({"default": backend}, ClusterError), ({}, RuntimeError)):
        with override_settings(CHANNEL_LAYERS=layers):
            channel_layers.backends = {}
            with pytest.raises(error):
                await fetch_sockets(to=None, namespace="/chat")
        channel_layers.backends = {}


def test_a_process_that_cannot_tell_is_no_empty_one(people: People) -> None:
    people["bob"].process.adapter.cluster.on_request("fetch_sockets", lambda asker, body: 1 // 0)
    with pytest.raises(RequestFailed, match="ZeroDivisionError"):
        people["ann"].process.run(fetch_sockets(to=None, namespace="/chat"))


def test_sockets_join_and_leave_rooms_in_order_with_what_is_emitted(people: People) -> None:
    async def move() -> None:
        await emit("hi", "nobody", to=["red", "blue"], namespace="/chat")
        await sockets_join(["red", "blue"], to="all", namespace="/chat", except_=people["cat"].id)
        await emit("hi", "ann and bob", to="red", namespace="/chat")
        await sockets_leave("red", to=people["bob"].id, namespace="/chat")
        await emit("hi", "ann", to="red", namespace="/chat")
        await emit("hi", "still", to="blue", namespace="/chat")

    people["ann"].process.run(move())
    for who, heard in {"ann": ["ann and bob", "ann", "still"], "bob": ["ann and bob", "still"]}.items():
        assert [people[who].receive() for _ in heard] == [f'42/chat,["hi","{text}"]' for text in heard]


async def test_a_process_without_sockets_moves_them_too(people: People) -> None:
    await sockets_join("red", to="all", namespace="/chat")
    await emit("hi", to="red", namespace="/chat")
    for person in people.values():
        assert await asyncio.to_thread(person.receive) == '42/chat,["hi"]'
    await disconnect_sockets(to="red", namespace="/chat")
    for person in people.values():
        assert await asyncio.to_thread(person.receive) == "41/chat,"


def test_clients_are_put_out_wherever_they_are(people: People) -> None:
    people["ann"].process.run(disconnect_sockets(to="all", namespace="/chat", except_=people["cat"].id))
    for who in ("ann", "bob"):
        assert people[who].receive() == "41/chat,"
    assert set(by_name(people["ann"].process.run(fetch_sockets(to=None, namespace="/chat")))) == {"cat"}


@pytest.mark.parametrize("by_id", [True, False])
def test_their_whole_connections_are_closed_wherever_they_are(people: People, by_id: bool) -> None:
    run = people["ann"].process.run
    if by_id:
        [bob] = run(fetch_sockets(to=people["bob"].id, namespace="/chat"))
        run(bob.disconnect(close=True))
    else:
        run(disconnect_sockets(to=people["bob"].id, namespace="/chat", close=True))
    assert [people["bob"].receive(), people["bob"].receive()] == ["41/chat,", "closed"]
    assert set(by_name(run(fetch_sockets(to=None, namespace="/chat")))) == {"ann", "cat"}


def test_a_client_that_is_being_let_in_is_put_out_when_it_is(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    async def on_connect(self: Chat, socket: Socket) -> None:
        await disconnect_sockets(to=socket.id, namespace="/chat")

    monkeypatch.setattr(Chat, "on_connect", on_connect)
    dan = people["dan"] = people["ann"].process.client("dan")
    assert dan.receive() == "41/chat,"


def test_a_fetched_socket_is_spoken_to(people: People) -> None:
    run = people["ann"].process.run
    bob = by_name(run(fetch_sockets(to=people["bob"].id, namespace="/chat")))["bob"]
    run(bob.emit("hi", 1))
    assert people["bob"].receive() == '42/chat,["hi",1]'
    calling = asyncio.run_coroutine_threadsafe(bob.call("why?", timeout=3), people["ann"].process.loop)
    assert people["bob"].receive() == '42/chat,0["why?"]'
    people["bob"].send('43/chat,0["because"]')
    assert calling.result(3) == ["because"]
    run(bob.enter_room("red"))
    run(emit("hi", 2, to="red", namespace="/chat"))
    assert people["bob"].receive() == '42/chat,["hi",2]'
    run(bob.leave_room("red"))
    run(emit("hi", 3, to="red", namespace="/chat"))
    run(bob.disconnect())
    assert people["bob"].receive() == "41/chat,"
