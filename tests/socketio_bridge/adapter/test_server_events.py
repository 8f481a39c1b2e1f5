"""Events from one process to the namespaces of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from socketio_bridge import Namespace, RequestFailed, server_event, server_side_call, server_side_emit
from tests.eventually import eventually_sync
from tests.socketio_bridge.processes import Process, introduce


class Price(msgspec.Struct):
    shop: str
    cents: int


class Shop(Namespace):
    path = "/shop"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    @server_event("price")
    async def price(self, price: Price, note: str = "") -> list[Any]:
        self.heard.append((price, note))
        return [price.cents, b"\x00"]


@pytest.fixture
def shops() -> list[Shop]:
    return [Shop(), Shop(), Shop()]


@pytest.fixture
def processes(shops: list[Shop]) -> Iterator[list[Process]]:
    made = [Process(shop) for shop in shops]
    introduce(*made)
    yield made
    for process in made:
        process.stop()


def test_all_other_processes_hear_it_in_order(processes: list[Process], shops: list[Shop]) -> None:
    async def announce() -> None:
        for cents in range(50):
            await server_side_emit("price", Price("a", cents), "new", namespace="/shop")

    processes[1].run(announce())
    for shop in (shops[0], shops[2]):
        eventually_sync(lambda: len(shop.heard) >= 50)  # noqa: B023  asked now
        assert shop.heard == [(Price("a", cents), "new") for cents in range(50)]
    assert shops[1].heard == []


def test_what_handlers_return_is_gathered(processes: list[Process]) -> None:
    call = server_side_call("price", Price("a", 7), namespace="/shop", timeout=3)
    received, failed = processes[0].run(call)
    assert received == {process.adapter.id: [7, b"\x00"] for process in processes[1:]}
    assert failed == {}


def test_why_a_process_did_not_answer_is_said(processes: list[Process], shops: list[Shop]) -> None:
    def failures(event: str, argument: Any, namespace: str = "/shop") -> list[str]:
        call = server_side_call(event, argument, namespace=namespace, timeout=3)
        failed = processes[0].run(call).failed
        assert all(isinstance(failure, RequestFailed) for failure in failed.values())
        return [str(failure) for failure in failed.values()]

    assert len(failures("price", {"shop": 1, "cents": 1})) == 2
    assert "Expected `str`, got `int`" in failures("price", {"shop": 1, "cents": 1})[0]
    assert "'cost' is no server event of Shop" in failures("cost", 1)[0]
    assert "no namespace '/nowhere'" in failures("price", 1, "/nowhere")[0]


async def test_a_process_without_sockets_sends_and_asks(processes: list[Process], shops: list[Shop]) -> None:
    await server_side_emit("price", {"shop": "a", "cents": 1}, namespace="/shop")
    answers = await server_side_call("price", {"shop": "a", "cents": 2}, namespace="/shop", timeout=3)
    assert set(answers.received) == {process.adapter.id for process in processes}
    assert all([price.cents for price, _ in shop.heard] == [1, 2] for shop in shops)
