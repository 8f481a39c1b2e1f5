"""What a process that gets a session's requests has the session's own process do: the methods of `AnySession`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from socketio_bridge.protocol import ProtocolError
from socketio_bridge.transports.interfaces import AnySession, Transport


class Receive(msgspec.Struct, array_like=True, tag=0):
    """Take packets that the client sent."""

    packets: list[Any]  # of `Packet`: msgpack tells text from binary by itself, msgspec's types do not


class Attach(msgspec.Struct, array_like=True, tag=1):
    """Push packets into the WebSocket that the other process has under a number."""

    carrier: int


class BeginUpgrade(msgspec.Struct, array_like=True, tag=2):
    """A WebSocket is there to change over to."""


class LetPollsGo(msgspec.Struct, array_like=True, tag=3):
    """The WebSocket has probed."""


class AbandonUpgrade(msgspec.Struct, array_like=True, tag=4):
    """The WebSocket that probed is gone."""


class Release(msgspec.Struct, array_like=True, tag=5):
    """Let the pending poll go."""


class Fail(msgspec.Struct, array_like=True, tag=6):
    """The client broke the protocol."""

    error: str


class Close(msgspec.Struct, array_like=True, tag=7):
    """End the session."""

    reason: str
    abruptly: bool


class Finish(msgspec.Struct, array_like=True, tag=8):
    """The WebSocket is gone, with that close code of the client's."""

    code: int | None = None


class Drain(msgspec.Struct, array_like=True, tag=9):
    """End the session when what the client has sent is handled."""

    reason: str


Command: TypeAlias = (
    Receive | Attach | BeginUpgrade | LetPollsGo | AbandonUpgrade | Release | Fail | Close | Finish | Drain
)


class CommandFor(msgspec.Struct, array_like=True):
    """A command for the session of that id."""

    sid: str
    command: Command


async def apply(command: Command, session: AnySession, carrier: Callable[[int], Transport]) -> None:
    """Do it; returns when more may come. `carrier` gives the other process's WebSocket of a number."""
    match command:
        case Receive(packets):
            await session.take(packets)
        case Attach(number):
            session.attach(carrier(number))
        case BeginUpgrade():
            session.begin_upgrade()
        case LetPollsGo():
            session.let_polls_go()
        case AbandonUpgrade():
            session.abandon_upgrade()
        case Release():
            session.release()
        case Fail(error):
            session.fail(ProtocolError(error))
        case Close(reason, abruptly):
            session.close(reason, abruptly=abruptly)
        case Finish(code):
            await session.finish(code)
        case Drain(reason):
            session.drain(reason)
