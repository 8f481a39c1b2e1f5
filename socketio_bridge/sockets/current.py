"""What the code that runs now was called for, so that log lines and traces can name it.

Tasks that a handler begins are for its event, too. Work that is for all, and that a handler only happened to set off,
as what publishes, runs in a context of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple


class CurrentEvent(NamedTuple):
    """The event that a handler runs for.

    Attributes:
        socket: The `Socket` whose client sent it.
        name: The event's name, as the client sent it; "connect" or "disconnect" for these handlers.
        arguments: As they came, not decoded: `socketio_bridge.events.arguments.decode_argument` does it.
        received_at: When its frame was received, by `time.monotonic`; 0 for "connect" and "disconnect".
    """

    socket: Any
    name: str
    arguments: Sequence[Any]
    received_at: float


_running: ContextVar[tuple[Any, str, Sequence[Any], float] | None] = ContextVar("_running", default=None)


def runs_for(socket: Any, name: str, arguments: Sequence[Any] = (), received_at: float = 0.0) -> None:
    """Note what the running task, and those that it begins from now on, are for."""
    _running.set((socket, name, arguments, received_at))


def current_event() -> CurrentEvent | None:
    """The event that the running code was called for, in a handler or in what a handler began; None: there is none."""
    running = _running.get()
    return None if running is None else CurrentEvent(*running)
