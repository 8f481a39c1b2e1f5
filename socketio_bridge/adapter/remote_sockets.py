"""The sockets of all processes: fetching them, and making them join, leave and disconnect wherever they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar, overload

import msgspec

from socketio_bridge.adapter.adapter import Adapter, any_adapter
from socketio_bridge.adapter.broadcast_acks import broadcast_call
from socketio_bridge.adapter.broadcast_options import BroadcastOptions, names
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.adapter.external_emitter import notify_everywhere, publish
from socketio_bridge.adapter.rooms import LocalSocket
from socketio_bridge.events.outgoing import Outgoing, name_and_arguments
from socketio_bridge.exceptions import NodeGone

_Answer = TypeVar("_Answer")

_FETCH = "fetch_sockets"
_JOIN = "sockets_join"
_LEAVE = "sockets_leave"
_DISCONNECT = "disconnect_sockets"
_CLOSE = "close_connections"
_UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError)


class RemoteHandshake(msgspec.Struct, array_like=True, frozen=True):
    """A socket's `Handshake` as other processes see it: the same without the ASGI scope."""

    query: dict[str, str]
    auth: dict[str, Any]
    headers: dict[str, str]
    address: str
    time: datetime
    secure: bool
    xdomain: bool
    url: str


class RemoteSocket(msgspec.Struct, array_like=True, frozen=True):
    """A socket of any process, as it was when `fetch_sockets` asked for it.

    Its methods act on the socket wherever it is. When it is gone, nothing happens.

    Attributes:
        id: The socket's id, which is also a room of its own.
        namespace: The path of its namespace.
        rooms: The rooms that it was in.
        data: What of `Socket.data` MessagePack can hold, as builtins: a Struct or dataclass is a dict.
        handshake: The request that opened its connection.
    """

    id: str
    namespace: str
    rooms: frozenset[str]
    data: dict[str, Any]
    handshake: RemoteHandshake

    async def emit(self, event: str | Outgoing[Any], *arguments: Any, volatile: bool = False) -> None:
        """Send an event to the client; arguments are as for `Socket.emit`."""
        named = name_and_arguments(event, arguments, self.namespace, [self.id])
        await publish(Emission.to(self.namespace, [self.id], [], named, volatile=volatile))

    @overload
    async def call(self, event: Outgoing[_Answer], *, timeout: float) -> _Answer: ...  # noqa: ASYNC109

    @overload
    async def call(self, event: str, *arguments: Any, timeout: float) -> list[Any]: ...  # noqa: ASYNC109

    async def call(
        self,
        event: str | Outgoing[Any],
        *arguments: Any,
        timeout: float,  # noqa: ASYNC109 - Socket.IO's name
    ) -> Any:
        """Send an event to the client and wait for its acknowledgement.

        Args:
            event: The event's name, or a declared event with its arguments.
            arguments: As for `socketio_bridge.emit`.
            timeout: Seconds to wait.

        Returns:
            The acknowledgement's arguments, an empty list where the client is gone already; of a declared event the
            acknowledgement, as it declares it.

        Raises:
            AckTimeout: None came in time, or the client left meanwhile.
            InvalidAck: It does not fit what the event declares.
        """
        answers = await broadcast_call(event, *arguments, to=self.id, namespace=self.namespace, timeout=timeout)
        acknowledged = answers.get(self.id, [])
        return acknowledged if isinstance(event, str) else event.event.answer(acknowledged)

    async def enter_room(self, room: str) -> None:
        """Have the socket enter a room."""
        await sockets_join(room, to=self.id, namespace=self.namespace)

    async def leave_room(self, room: str) -> None:
        """Have the socket leave a room."""
        await sockets_leave(room, to=self.id, namespace=self.namespace)

    async def disconnect(self, *, close: bool = False) -> None:
        """Disconnect the client from the namespace; with `close`, from all, and close its connection."""
        await disconnect_sockets(to=self.id, namespace=self.namespace, close=close)


async def fetch_sockets(
    *,
    to: Iterable[str] | str | None,
    namespace: str,
    except_: Iterable[str] | str = (),
    timeout: float = 5.0,  # noqa: ASYNC109 - other processes keep no time
) -> list[RemoteSocket]:
    """Find the sockets of some rooms, on every process.

    Args:
        to: A room or several; None: all sockets of the namespace.
        namespace: The namespace's path.
        except_: A room or several whose sockets are left out.
        timeout: Seconds to wait for the other processes.

    Returns:
        The sockets that are let in. Those of a process that ends meanwhile are gone with it.

    Raises:
        RequestTimeout: A process did not answer in time.
        RequestFailed: A process could not answer.
    """
    options = BroadcastOptions.of(namespace, to, except_)
    async with any_adapter() as adapter:
        found = _describe(adapter, options)
        answers = await adapter.cluster.request_all(_FETCH, options, timeout)
    for failure in answers.failed.values():
        if not isinstance(failure, NodeGone):
            raise failure
    for answer in answers.received.values():
        found += msgspec.convert(answer, list[RemoteSocket])
    return found


async def sockets_join(
    rooms: Iterable[str] | str, *, to: Iterable[str] | str | None, namespace: str, except_: Iterable[str] | str = ()
) -> None:
    """Have the sockets of some rooms, on every process, enter other rooms.

    What this process emits to these rooms afterwards reaches the sockets.

    Args:
        rooms: The room or rooms to enter.
        to: The room or rooms whose sockets enter them; None: all sockets of the namespace.
        namespace: The namespace's path.
        except_: A room or several whose sockets are left out.
    """
    await _everywhere(_JOIN, BroadcastOptions.of(namespace, to, except_), names(rooms))


async def sockets_leave(
    rooms: Iterable[str] | str, *, to: Iterable[str] | str | None, namespace: str, except_: Iterable[str] | str = ()
) -> None:
    """Have the sockets of some rooms, on every process, leave rooms; arguments are as for `sockets_join`."""
    await _everywhere(_LEAVE, BroadcastOptions.of(namespace, to, except_), names(rooms))


async def disconnect_sockets(
    *, to: Iterable[str] | str | None, namespace: str, except_: Iterable[str] | str = (), close: bool = False
) -> None:
    """Disconnect the clients of some rooms, on every process, from a namespace.

    Args:
        to: The room or rooms whose sockets are disconnected; None: all sockets of the namespace.
        namespace: The namespace's path.
        except_: A room or several whose sockets are left out.
        close: Whether to disconnect the clients from all their namespaces and to close their connections.
    """
    await _everywhere(_CLOSE if close else _DISCONNECT, BroadcastOptions.of(namespace, to, except_), [])


def serve(adapter: Adapter) -> None:
    """Have an adapter tell of its sockets, and treat them as other processes say."""
    adapter.cluster.on_request(_FETCH, lambda asker, options: _describe(adapter, options), takes=BroadcastOptions)
    for kind in _TREATMENTS:
        adapter.cluster.on_request(kind, _treatment(adapter, kind), takes=tuple[BroadcastOptions, list[str]])


def _treatment(adapter: Adapter, kind: str) -> Callable[[str, tuple[BroadcastOptions, list[str]]], None]:
    def treat(asker: str, body: tuple[BroadcastOptions, list[str]]) -> None:
        _treat(adapter, kind, *body)

    return treat


async def _everywhere(kind: str, options: BroadcastOptions, rooms: list[str]) -> None:
    await notify_everywhere(kind, (options, rooms))


def _treat(adapter: Adapter, kind: str, options: BroadcastOptions, rooms: list[str]) -> None:
    treatment = _TREATMENTS[kind]
    for socket in adapter.select(options):
        treatment(socket, rooms)


def _join(socket: LocalSocket, rooms: list[str]) -> None:
    for room in rooms:
        socket.enter(room)


def _leave(socket: LocalSocket, rooms: list[str]) -> None:
    for room in rooms:
        socket.leave(room)


_TREATMENTS: dict[str, Callable[[LocalSocket, list[str]], None]] = {
    _JOIN: _join,
    _LEAVE: _leave,
    _DISCONNECT: lambda socket, rooms: socket.put_out(),
    _CLOSE: lambda socket, rooms: socket.put_out(close=True),
}


def _describe(adapter: Adapter, options: BroadcastOptions) -> list[RemoteSocket]:
    return [_description(socket) for socket in adapter.select(options) if socket.connected]


def _description(socket: LocalSocket) -> RemoteSocket:
    handshake = socket.handshake
    return RemoteSocket(
        socket.id,
        socket.namespace,
        frozenset(socket.rooms),
        _encodable(vars(socket.data)),
        RemoteHandshake(
            dict(handshake.query),
            _encodable(handshake.auth),
            dict(handshake.headers),
            handshake.address,
            handshake.time,
            handshake.secure,
            handshake.xdomain,
            handshake.url,
        ),
    )


def _encodable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that msgpack can encode, as they come out of it."""
    encodable = {}
    for name, value in values.items():
        try:
            encodable[name] = msgspec.msgpack.decode(msgspec.msgpack.encode(value))
        except _UNENCODABLE:
            continue
    return encodable
