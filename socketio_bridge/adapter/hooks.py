"""How an extension takes part in what an adapter emits and delivers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from socketio_bridge.adapter.envelope import Emission


class AdapterHooks(Protocol):
    """An extension of an adapter, set as its `hooks`: it keeps what is emitted, and delivers in the adapter's place."""

    def emitted(self, emission: Emission) -> None:
        """Something for all processes, and not volatile, is emitted here; it is delivered next."""

    def deliver(self, emission: Emission, sockets: Collection[Any], origin: str) -> None:
        """Send an emission to these local sockets; `origin` is the id of who emitted it, "" where that was here."""

    async def before_publish(self) -> None:
        """Other processes get what was emitted when this returns."""

    def heard(self, origin: str, emission: Emission) -> None:
        """Another process's emission has come, and is delivered next."""

    def heard_all_until(self, moment: float) -> None:
        """All that others sent before a Unix time has come."""

    async def stop(self) -> None:
        """The adapter stops: end what the extension began."""


class ExternalLog(Protocol):
    """Where a process without sockets keeps what it emits."""

    origin: str  # stands for the process in what it emits

    def record(self, emission: Emission) -> None:
        """Keep an emission."""

    async def kept(self) -> None:
        """Return when all that was recorded before is kept, or cannot be for now."""
