"""Emitting from anywhere: handlers, views, admin actions, management commands, workers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from asgiref.sync import async_to_sync

from socketio_bridge.adapter.adapter import find_adapter
from socketio_bridge.adapter.broadcast_options import names
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.adapter.external_emitter import publish, publish_by
from socketio_bridge.events.outgoing import Outgoing, name_and_arguments
from socketio_bridge.recovery.stream import ExternalStream

publish_by(ExternalStream)


async def emit(
    event: str | Outgoing[Any],
    *arguments: Any,
    to: Iterable[str] | str | None,
    namespace: str | re.Pattern[str],
    except_: Iterable[str] | str = (),
    local: bool = False,
    volatile: bool = False,
) -> None:
    """Send an event to the sockets in some rooms, on every process, each socket once.

        await emit("shipped", {"order_id": 7}, to="order:7", namespace="/orders")

    In a process that serves sockets this waits for nothing: when it returns, the packet is in the send queues of the
    sockets here and goes out to the other processes at the end of this turn of the event loop. In any other process it
    returns when the channel layer has the event.

    Args:
        event: The event's name; or a declared event with its arguments (`outgoing_event`), as in
            `await emit(shipped(order), to="order:7", namespace="/orders")`.
        arguments: Anything that msgspec encodes to JSON, with `bytes` anywhere in it. In Structs and dataclasses binary
            is found in fields whose declared types allow it. (The newest JavaScript clients close the connection over
            more than ten pieces of binary in one event.)
        to: A room or several; None: all sockets of the namespace. A socket's id is a room that it alone is in.
        namespace: The namespace's path; or a compiled regular expression, for all namespaces with sockets whose paths
            it matches as a whole, such as the `pattern` of a dynamic namespace.
        except_: A room or several whose sockets are left out.
        local: Whether to send to the sockets of this process only.
        volatile: Whether to leave out clients that are not ready: those that have not taken yet what was sent before,
            and those between two polls.

    Raises:
        ValueError: The event's name is reserved ("connect", "disconnect", …).
        TypeError: JSON cannot hold an argument.
    """
    rooms = None if to is None else names(to)
    left_out = names(except_)
    named = name_and_arguments(event, arguments, namespace, rooms, left_out)
    await publish(Emission.to(namespace, rooms, left_out, named, volatile=volatile), local=local)


def emit_sync(
    event: str | Outgoing[Any],
    *arguments: Any,
    to: Iterable[str] | str | None,
    namespace: str | re.Pattern[str],
    except_: Iterable[str] | str = (),
    local: bool = False,
    volatile: bool = False,
) -> None:
    """`emit` for synchronous code, such as views; its arguments are the same.

    Raises:
        RuntimeError: An event loop runs in the calling thread. Await `emit` there.
    """
    async_to_sync(emit)(event, *arguments, to=to, namespace=namespace, except_=except_, local=local, volatile=volatile)


async def flush() -> bool:
    """Wait until all that this process emitted so far has been handed to the channel layer.

    Returns:
        Whether it has; False, at once, while the layer is away: what was emitted waits for it then, within bounds, and
        is lost if this process ends before.
    """
    adapter = find_adapter()
    return adapter is None or await adapter.flush()
