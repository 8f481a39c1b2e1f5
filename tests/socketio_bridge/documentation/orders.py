"""A namespace with an event of each kind, for the tests of what is made of namespaces."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from socketio_bridge import EventRefused, Namespace, Socket, event, outgoing_event
from socketio_bridge.documentation.asyncapi import asyncapi


class OrderRequest(msgspec.Struct):
    """Which order."""

    order_id: int
    note: str = ""


class Order(msgspec.Struct, rename={"from_": "from"}):
    order_id: int
    from_: str
    status: Literal["NEW", "SHIPPED"] = "NEW"
    parcels: list[dict[str, float]] = []
    label: bytes = b""
    previous: Order | None = None


class Following(msgspec.Struct):
    following: int


@outgoing_event("shipped")
def shipped(order: Order) -> None:
    """An order is on its way."""


@outgoing_event("are_you_sure")
def are_you_sure(order_id: int, why: str) -> bool:
    """Asks before an order is cancelled."""
    raise NotImplementedError


@outgoing_event("back-soon")
def back_soon() -> None:
    """The shop closes."""


class OrderEvents(Namespace):
    """What happens to orders."""

    path = "/orders"
    emits = (shipped, are_you_sure, back_soon)
    error_codes = ("order_shipped",)

    @event("follow", rate="10/s")
    async def follow(self, socket: Socket, request: OrderRequest) -> Following:
        """Hear of an order."""
        raise EventRefused("order_shipped", "it has left")

    @event("move", permission="orders.change_order")
    async def move(self, socket: Socket, order_id: int, shelf: str = "A") -> tuple[int, str]:
        raise NotImplementedError

    @event("forget")
    async def forget(self, socket: Socket) -> None:
        raise NotImplementedError


def document(*namespaces: Namespace) -> dict[str, Any]:
    return asyncapi(namespaces or [OrderEvents()], title="Orders", version="1", servers={})
