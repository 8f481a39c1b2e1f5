"""`outgoing_event`: events that the server emits are declared, so that type checkers know their names and arguments."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from socketio_bridge import (
    InvalidAck,
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
from socketio_bridge.testing import SocketIOCommunicator
from tests import mypy

PROJECT = Path(__file__).resolve().parents[3]


class Order(msgspec.Struct):
    order_id: int
    note: str = ""


@outgoing_event("shipped")
def shipped(order: Order, carrier: str = "post") -> None:
    """An order is on its way."""


@outgoing_event("are_you_sure")
def are_you_sure(order_id: int) -> bool:
    """Whether the order is to be cancelled."""
    raise NotImplementedError


@outgoing_event("where_to")
def where_to() -> tuple[str, int]:
    """Street and number."""
    raise NotImplementedError


class OrderEvents(Namespace):
    path = "/orders"
    emits = (shipped, are_you_sure, where_to)

    @event("cancel")
    async def cancel(self, socket: Socket) -> str:
        try:
            sure = await socket.call(are_you_sure(7), timeout=1)
        except InvalidAck as error:
            return str(error)
        return "cancelled" if sure else "kept"

    @event("send")
    async def send(self, socket: Socket) -> str:
        street, number = await socket.call(where_to(), timeout=1)
        return f"{number} {street}"


@pytest.fixture
async def client(redis_server: None) -> AsyncIterator[SocketIOCommunicator]:
    async with SocketIOCommunicator(SocketIOServer([OrderEvents()], options=Options()), "/orders") as client:
        yield client


async def test_a_declared_event_goes_wherever_a_name_does(client: SocketIOCommunicator) -> None:
    await emit(shipped(Order(7)), to=None, namespace="/orders")
    assert await client.receive() == ("shipped", [{"order_id": 7, "note": ""}, "post"])
    [remote] = await fetch_sockets(to=None, namespace="/orders")
    await remote.emit(shipped(order=Order(8), carrier="rail"))
    assert await client.receive() == ("shipped", [{"order_id": 8, "note": ""}, "rail"])


async def test_an_acknowledgement_has_the_declared_type(client: SocketIOCommunicator) -> None:
    for said, answered in ((True, "cancelled"), (False, "kept")):
        asking = asyncio.create_task(client.call("cancel"))
        assert await client.receive() == ("are_you_sure", [7])
        await client.acknowledge(said)
        assert await asking == [answered]
    asking = asyncio.create_task(client.call("send"))
    assert await client.receive() == ("where_to", [])
    await client.acknowledge("Station Road", 7)
    assert await asking == ["7 Station Road"]


async def test_one_that_does_not_fit_is_an_error(client: SocketIOCommunicator) -> None:
    asking = asyncio.create_task(client.call("cancel"))
    assert await client.receive() == ("are_you_sure", [7])
    await client.acknowledge("perhaps")
    [answer] = await asking
    assert answer == "the acknowledgement of 'are_you_sure': Expected `bool`, got `str`"


async def test_a_remote_socket_answers_with_the_declared_type(client: SocketIOCommunicator) -> None:
    [remote] = await fetch_sockets(to=None, namespace="/orders")
    asking = asyncio.create_task(remote.call(are_you_sure(7), timeout=1))
    await client.receive()
    await client.acknowledge(True)
    assert await asking is True
    everybody = asyncio.create_task(broadcast_call(are_you_sure(7), to=None, namespace="/orders", timeout=1))
    await client.receive()
    await client.acknowledge(False)
    assert await everybody == {client.id: [False]}


async def test_wrong_arguments_are_refused_where_it_is_emitted() -> None:
    with pytest.raises(TypeError, match="missing"):
        shipped()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="was called with them"):
        await emit(shipped(Order(7)), "more", to=None, namespace="/orders")
    with pytest.raises(TypeError, match="was called with them"):
        await emit(shipped, to=None, namespace="/orders")  # type: ignore[arg-type]


RIGHT_AND_WRONG = """
from socketio_bridge import Socket, emit, emit_sync
from tests.socketio_bridge.events.test_outgoing import Order, are_you_sure, shipped, where_to
from tests.socketio_bridge.events import test_outgoing

async def right(socket: Socket) -> None:
    await emit(shipped(Order(order_id=7), "rail"), to=None, namespace="/orders")
    emit_sync(shipped(Order(order_id=7)), to="order:7", namespace="/orders")
    sure: bool = await socket.call(are_you_sure(7), timeout=1)
    street, number = await socket.call(where_to(), timeout=1)
    street.upper(), number + 1, sure

async def wrong(socket: Socket) -> None:
    test_outgoing.shiped(Order(order_id=7))  # [attr-defined]
    await emit(shipped(Order(id=7)), to=None, namespace="/orders")  # [call-arg]
    await emit(shipped(7), to=None, namespace="/orders")  # [arg-type]
    await emit(shipped(Order(7), carriers="rail"), to=None, namespace="/orders")  # [call-arg]
    await socket.emit(are_you_sure())  # [call-arg]
    sure: int = (await socket.call(where_to(), timeout=1))[0]  # [assignment]
    await emit(shipped, to=None, namespace="/orders")  # [arg-type]
"""


@pytest.mark.slow
def test_type_checkers_know_names_arguments_and_acknowledgements(tmp_path: Path) -> None:
    module = tmp_path / "right_and_wrong.py"
    module.write_text(RIGHT_AND_WRONG)
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nstrict = True\nignore_missing_imports = True\nfollow_imports = silent\n")
    cache = PROJECT / ".mypy_cache" / "outgoing-events"
    said, error, _ = mypy.run([f"--config-file={config}", f"--cache-dir={cache}", str(module)])
    assert error == ""
    found = {(int(line), code) for line, code in re.findall(r"right_and_wrong\.py:(\d+): error: .*(\[[a-z-]+\])", said)}
    wanted = {
        (number, line.partition("# ")[2])
        for number, line in enumerate(RIGHT_AND_WRONG.splitlines(), 1)
        if "# [" in line
    }
    assert found == wanted, said
