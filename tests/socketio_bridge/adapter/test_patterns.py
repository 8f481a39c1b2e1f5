"""Events to all namespaces that a pattern matches: what the reference server emits to the children of a dynamic one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from socketio_bridge import Namespace, Socket, emit
from tests.socketio_bridge.processes import Person, Process, introduce

SHOPS = re.compile(r"/SHOPS/\d+", re.IGNORECASE)


class Shops(Namespace):
    pattern = SHOPS

    async def on_connect(self, socket: Socket) -> None:
        await socket.enter_room(socket.handshake.auth["who"])


class Office(Namespace):
    path = "/office"


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made = [Process(Shops(), Office()) for _ in range(2)]
    introduce(*made)
    yield made
    for process in made:
        process.stop()


@pytest.fixture
def people(processes: list[Process]) -> Iterator[dict[str, Person]]:
    first, second = processes
    people = {
        "ann": first.client("ann", "/shops/1"),
        "bob": first.client("bob", "/shops/2"),
        "cat": second.client("cat", "/shops/2"),
        "dan": second.client("dan", "/office"),
    }
    yield people
    for person in people.values():
        person.leave()


def test_each_namespace_gets_it_under_its_own_path(processes: list[Process], people: dict[str, Person]) -> None:
    processes[0].run(emit("sale", 50, to=None, namespace=SHOPS))
    processes[0].run(emit("closed", to=None, namespace="/office"))
    assert people["ann"].receive() == '42/shops/1,["sale",50]'
    assert people["bob"].receive() == '42/shops/2,["sale",50]'
    assert people["cat"].receive() == '42/shops/2,["sale",50]'
    assert people["dan"].receive() == '42/office,["closed"]', "its path does not match"


def test_rooms_exceptions_and_binary_are_as_for_one_namespace(
    processes: list[Process], people: dict[str, Person]
) -> None:
    processes[1].run(emit("sale", b"%", to=["ann", "cat"], except_="cat", namespace=SHOPS))
    processes[1].run(emit("over", to=None, namespace=SHOPS))
    assert people["ann"].receive() == '451-/shops/1,["sale",{"_placeholder":true,"num":0}]'
    assert people["ann"].receive_binary() == b"%"
    for who, shop in (("ann", 1), ("bob", 2), ("cat", 2)):
        assert people[who].receive() == f'42/shops/{shop},["over"]'


def test_a_pattern_matches_a_path_as_a_whole(processes: list[Process], people: dict[str, Person]) -> None:
    processes[0].run(emit("sale", to=None, namespace=re.compile("/shops")))
    processes[0].run(emit("over", to=None, namespace=re.compile("/shops/[12]")))
    assert people["ann"].receive() == '42/shops/1,["over"]'
    assert people["cat"].receive() == '42/shops/2,["over"]'


async def test_a_process_without_sockets_emits_to_them_too(people: dict[str, Person]) -> None:
    await emit("sale", to=None, namespace=SHOPS)
    assert people["ann"].receive() == '42/shops/1,["sale"]'
    assert people["cat"].receive() == '42/shops/2,["sale"]'
