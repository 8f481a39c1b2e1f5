"""How an extension takes part in what an adapter emits and delivers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from socketio_bridge.adapter.envelope import Emission, Message


class AdapterHooks(Protocol):
    """An extension of an adapter, set as its `hooks`: it carries what is for all nodes, and delivers.

    It gives `Adapter.take` the messages of other nodes that it has received.
    """

    def publish(self, message: Message) -> None:
        """Carry a message to all other nodes, in order."""

    async def flush(self) -> bool:
        """Return when all that was published before is handed over: True; or cannot be for now: False."""

    def deliver(self, emission: Emission, sockets: Collection[Any]) -> None:
        """Send an emission to these local sockets."""

    async def stop(self) -> None:
        """The adapter stops: end what the extension began."""


class ExternalStream(Protocol):
    """An extension's way from a process without sockets to all nodes."""

    async def publish(self, message: Message) -> bool:
        """Carry a message to all nodes; False: the channel layer is to carry it."""
