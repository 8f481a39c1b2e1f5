"""`record_emissions`: what was emitted, to whom, and whether it is what the namespaces declare."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from socketio_bridge import (
    Namespace,
    Options,
    Socket,
    SocketIOServer,
    broadcast_call,
    emit,
    event,
    fetch_sockets,
    outgoing_event,
)
from socketio_bridge.testing import SocketIOCommunicator, record_emissions


class Order(msgspec.Struct):
    order_id: int
    label: bytes = b""
    at: datetime | None = None


@outgoing_event("shipped")
def shipped(order: Order, carrier: str = "post") -> None:
    """An order is on its way."""


class OrderEvents(Namespace):
    path = "/orders"
    emits = (shipped,)

    @event("ship")
    async def ship(self, socket: Socket, number: int) -> None:
        await socket.broadcast(shipped(Order(number)), to=f"order:{number}")
        await socket.emit("shiped", number)


class Undeclared(Namespace):
    path = "/free"


@pytest.fixture
async def server(redis_server: None) -> AsyncIterator[SocketIOServer]:
    server = SocketIOServer([OrderEvents(), Undeclared()], options=Options())
    await server.startup()
    yield server
    await server.shutdown()


class TestAssertions:
    async def test_find_what_was_emitted_by_name_rooms_and_namespace(self, server: SocketIOServer) -> None:
        with record_emissions(server) as emissions:
            await emit(shipped(Order(7, b"\x01")), to="order:7", namespace="/orders")
            await emit("shipped", {"order_id": 8}, to=["b", "a"], namespace="/orders")
            await emit("news", to=None, namespace="/free")
        order = {"order_id": 7, "label": b"\x01", "at": None}
        assert emissions.emitted("shipped") == [[order, "post"], [{"order_id": 8}]]
        assert emissions.emitted(shipped, to="order:7") == [[order, "post"]]
        assert emissions.emitted(shipped(Order(7, b"\x01"))) == [[order, "post"]]
        assert emissions.emitted("shipped", to={"a", "b"}) == [[{"order_id": 8}]]
        assert emissions.emitted("news", to=None, namespace="/free") == [[]]
        for absent in (shipped(Order(9)), "other"):
            emissions.not_emitted(absent)
        emissions.not_emitted("news", to="order:7")
        emissions.not_emitted("news", namespace="/orders")
        emissions.clear()
        emissions.not_emitted("shipped")

    async def test_say_what_was_emitted_instead(self, server: SocketIOServer) -> None:
        with record_emissions() as emissions:
            await emit("news", 1, to="all", namespace="/free")
            with pytest.raises(
                AssertionError, match=r"'shipped' to 'x' was not emitted, but:\n  news\(1\) to all in /free"
            ):
                emissions.emitted("shipped", to="x")
            with pytest.raises(AssertionError, match=r"'news' was emitted: news\(1\)"):
                emissions.not_emitted("news")

    async def test_every_way_to_emit_counts(self, server: SocketIOServer) -> None:
        async with SocketIOCommunicator(server, "/free") as client:
            assert client.id is not None
            [remote] = await fetch_sockets(to=None, namespace="/free")
            with record_emissions(server) as emissions:
                await remote.emit("remote")
                with pytest.raises(Exception, match="did not acknowledge"):
                    await broadcast_call("called", to=client.id, namespace="/free", timeout=0.05)
                await emit("pattern", to=None, namespace=re.compile("/fr.*"))
            for name in ("remote", "called"):
                emissions.emitted(name, to=client.id)
            emissions.emitted("pattern", to=None)
        with record_emissions() as emissions:
            async with SocketIOCommunicator(server, "/orders") as client:
                await client.call("ship", 7)
                assert emissions.emitted("shiped", to=client.id) == [[7]]
                assert emissions.emitted(shipped(Order(7)), to="order:7")

    async def test_nothing_is_recorded_before_and_after(self, server: SocketIOServer) -> None:
        with record_emissions() as emissions:
            pass
        await emit("news", to=None, namespace="/free")
        assert emissions.all == []


class TestDeclarations:
    async def test_what_fits_is_fine(self, server: SocketIOServer) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        with record_emissions(server):
            await emit(shipped(Order(7, b"\x01", at), "rail"), to=None, namespace="/orders")
            await emit("shipped", {"order_id": 7, "at": at}, to=None, namespace="/orders")
            await emit("whatever", 1, to=None, namespace="/free")

    @pytest.mark.parametrize(
        ("name", "arguments", "problem"),
        [
            ("shiped", [Order(7)], "declares no such event; there are: shipped"),
            ("shipped", [], r"it has 0 argument\(s\), where 1 to 2 are declared"),
            ("shipped", [Order(7), "rail", 1], r"it has 3 argument\(s\), where 1 to 2"),
            ("shipped", [{"order_id": "7"}], r"order: Expected `int`, got `str` - at `\$.order_id`"),
            ("shipped", [{"id": 7}], "order: Object missing required field `order_id`"),
            ("shipped", [{"order_id": 7, "colour": "red"}], r"order: no field `\$.colour`"),
            ("shipped", [Order(7), 7], "carrier: Expected `str`, got `int`"),
        ],
    )
    async def test_what_does_not_fails_the_test(
        self, server: SocketIOServer, name: str, arguments: list[object], problem: str
    ) -> None:
        recording = record_emissions(server)
        recording.__enter__()
        await emit(name, *arguments, to=None, namespace="/orders")
        with pytest.raises(AssertionError, match=problem):
            recording.__exit__(None, None, None)

    async def test_a_handlers_mistake_fails_it_too(self, server: SocketIOServer) -> None:
        async def ship() -> None:
            with record_emissions(server):
                async with SocketIOCommunicator(server, "/orders") as client:
                    await client.call("ship", 7)

        with pytest.raises(AssertionError, match="shiped"):
            await ship()

    async def test_an_error_of_the_test_itself_comes_first(self, server: SocketIOServer) -> None:
        async def fail() -> None:
            with record_emissions(server):
                await emit("shiped", to=None, namespace="/orders")
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
