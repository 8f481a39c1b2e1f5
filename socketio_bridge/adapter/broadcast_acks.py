"""Broadcasts with acknowledgements: an event to many sockets on every process, and the answers of all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

import msgspec

from socketio_bridge.adapter.adapter import Adapter, any_adapter
from socketio_bridge.adapter.broadcast_options import BroadcastOptions
from socketio_bridge.events.outgoing import Outgoing, name_and_arguments
from socketio_bridge.exceptions import AcksMissing
from socketio_bridge.protocol import packet

logger = logging.getLogger(__name__)

_KIND = "broadcast_call"
_GRACE = 2.0  # seconds beyond the clients' time that other processes have to report what they gathered


class _Call(msgspec.Struct, array_like=True):
    options: BroadcastOptions
    head: str
    body: str
    attachments: list[bytes]
    timeout: float


class _Gathered(msgspec.Struct, array_like=True):
    answers: dict[str, list[Any]]
    missing: list[str]


async def broadcast_call(
    event: str | Outgoing[Any],
    *arguments: Any,
    to: Iterable[str] | str | None,
    namespace: str,
    timeout: float,  # noqa: ASYNC109 - Socket.IO's name, and answers that came in time are kept
    except_: Iterable[str] | str = (),
) -> dict[str, list[Any]]:
    """Send an event to the sockets of some rooms, on every process, and wait until all have acknowledged it.

    Args:
        event: The event's name, or a declared event with its arguments.
        arguments: As for `socketio_bridge.emit`.
        to: A room or several; None: all sockets of the namespace.
        namespace: The namespace's path.
        timeout: Seconds that the clients have; other processes get two more to report.
        except_: A room or several whose sockets are left out.

    Returns:
        The acknowledgements' arguments, by socket id.

    Raises:
        AcksMissing: A socket did not answer in time or left, or a process could not be asked. The exception holds the
            acknowledgements that came.
        ValueError: The event's name is reserved.
        TypeError: JSON cannot hold an argument.
    """
    options = BroadcastOptions.of(namespace, to, except_)
    name, values = name_and_arguments(event, arguments, namespace, options.rooms, options.except_)
    head, body, attachments = packet.event_around_id(namespace, name, values)
    call = _Call(options, head, body, attachments, timeout)
    async with any_adapter() as adapter:
        here, elsewhere = await asyncio.gather(
            _gather(adapter, call), adapter.cluster.request_all(_KIND, call, timeout + _GRACE)
        )
    answers: dict[str, list[Any]] = here.answers
    missing: list[str] = here.missing
    for body_of_answer in elsewhere.received.values():
        gathered = msgspec.convert(body_of_answer, _Gathered)
        answers |= gathered.answers
        missing += gathered.missing
    if missing or elsewhere.failed:
        message = f"{len(missing)} of {len(missing) + len(answers)} sockets did not acknowledge {name!r}"
        if elsewhere.failed:
            message += f", and {len(elsewhere.failed)} processes did not say"
        raise AcksMissing(f"{message} within {timeout} s", answers, missing, elsewhere.failed)
    return answers


def serve(adapter: Adapter) -> None:
    """Have an adapter ask its sockets when another process broadcasts."""

    async def answer(asker: str, call: _Call) -> _Gathered:
        gathered = await _gather(adapter, call)
        for socket_id, arguments in list(gathered.answers.items()):
            try:
                msgspec.msgpack.encode(arguments)
            except OverflowError:
                # An integer beyond 64 bits, which JSON can hold and JavaScript cannot: no client's answer may spoil
                # those of the others.
                logger.info("Took the acknowledgement of %s for none: it holds too large an integer.", socket_id)
                del gathered.answers[socket_id]
                gathered.missing.append(socket_id)
        return gathered

    adapter.cluster.on_request(_KIND, answer, takes=_Call)


async def _gather(adapter: Adapter, call: _Call) -> _Gathered:
    pending = {
        socket.id: socket.request_ack(call.head, call.body, call.attachments) for socket in adapter.select(call.options)
    }
    gathered = _Gathered({}, [])
    if not pending:
        return gathered
    try:
        await asyncio.wait(pending.values(), timeout=call.timeout)
        for socket_id, answer in pending.items():
            if answer.done() and answer.exception() is None:
                gathered.answers[socket_id] = answer.result()
            else:
                gathered.missing.append(socket_id)
    finally:
        for answer in pending.values():
            answer.cancel()
    return gathered
