"""Emitting from anywhere: handlers, views, admin actions, management commands, consumers of other queues."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asgiref.sync import async_to_sync

from socketio_bridge.adapter.adapter import find_hub
from socketio_bridge.adapter.audience import names
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.adapter.external_emitter import send_without_hub
from socketio_bridge.protocol import packet
from socketio_bridge.protocol.engineio import PacketType


async def emit(
    event: str,
    *arguments: Any,
    to: Iterable[str] | str | None,
    namespace: str,
    except_: Iterable[str] | str = (),
    local: bool = False,
    volatile: bool = False,
) -> None:
    """Send an event to all sockets in any of the rooms `to`, on every process, each socket once.

    `to` None means every socket of the namespace. Sockets in a room of `except_` are left out; a socket's id is a room
    of its own. `local`: to sockets of this process alone. `volatile`: clients that have not taken yet what was sent
    before, or are between two polls, do without it.

    Arguments are anything that msgspec encodes to JSON, and `bytes` anywhere in them: then the packet is a
    binary one. Fields of Structs and dataclasses may hold binary where their declared types say so. (The newest
    JavaScript clients take at most ten pieces of binary a packet, and close the connection over more.)

    Where this loop serves sockets nothing is awaited: local sockets have the packet queued on return, and it is on its
    way to the other processes. Elsewhere it returns when the channel layer has it. Raises `ValueError` for a reserved
    event name, `TypeError` for arguments that JSON cannot hold.
    """
    text, attachments = packet.event(namespace, event, arguments)
    rooms = None if to is None else names(to)
    emission = Emission(namespace, rooms, names(except_), PacketType.MESSAGE + text, attachments, volatile)
    hub = find_hub()
    if hub is not None:
        hub.emit(emission, local=local)
    elif not local:
        await send_without_hub(emission)


def emit_sync(
    event: str,
    *arguments: Any,
    to: Iterable[str] | str | None,
    namespace: str,
    except_: Iterable[str] | str = (),
    local: bool = False,
    volatile: bool = False,
) -> None:
    """`emit` for synchronous code. Raises `RuntimeError` where an event loop runs in the calling thread: await `emit`
    there.
    """
    async_to_sync(emit)(event, *arguments, to=to, namespace=namespace, except_=except_, local=local, volatile=volatile)


async def flush() -> None:
    """Return when all that this process emitted so far has been handed to the channel layer."""
    hub = find_hub()
    if hub is not None:
        await hub.flush()
