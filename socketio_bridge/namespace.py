"""What an application writes: a namespace, with its connect, event and disconnect handlers."""

from __future__ import annotations

import inspect
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, cast

import msgspec
from django.core.exceptions import PermissionDenied

from socketio_bridge.adapter.adapter import find_adapter
from socketio_bridge.events.acknowledgements import refused
from socketio_bridge.events.arguments import EventHandler, decode_argument
from socketio_bridge.events.outgoing import OutgoingEvent
from socketio_bridge.exceptions import EventError, UnknownEvent
from socketio_bridge.instrumentation import instrumentation
from socketio_bridge.protocol import packet
from socketio_bridge.protocol.attachments import reconstruct
from socketio_bridge.protocol.engineio import PacketType
from socketio_bridge.sockets.event_queue import ends_task
from socketio_bridge.sockets.socket import NO_ACK, Socket
from socketio_bridge.users.following import Lapse, admit
from socketio_bridge.users.guards import Guard, Permission

logger = logging.getLogger(__name__)

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[Any]])
# Attributes by which the decorators mark methods.
_MARK = "_socketio_event"
_SERVER_MARK = "_socketio_server_event"
_CATCH_ALL = "*"

ConnectMiddleware: TypeAlias = Callable[[Socket], Awaitable[None]]
"""Runs before `Namespace.on_connect`: `async def middleware(socket)`. It raises as `Namespace.on_connect` may."""

CallNext: TypeAlias = Callable[[list[Any]], Awaitable[Any]]
"""Calls the next middleware, or the handler, with an event's arguments; returns what answers the event."""

EventMiddleware: TypeAlias = Callable[[Socket, str, list[Any], CallNext], Awaitable[Any]]
"""Runs around the handler of an event: `async def middleware(socket, event, arguments, call_next)`.

It returns what answers the event: what `await call_next(arguments)` returned, or something else.
"""


class _Mark(NamedTuple):
    """The arguments of `@event`."""

    name: str
    overlapping: bool
    volatile: bool
    guard: Guard | None


def event(
    name: str,
    *,
    overlapping: bool = False,
    volatile: bool = False,
    permission: Permission | None = None,
    rate: str | None = None,
) -> Callable[[_Handler], _Handler]:
    """Mark a method of a `Namespace` as the handler of an event that clients emit.

        @event("follow")
        async def follow(self, socket: Socket, request: OrderRequest, note: str = "") -> dict[str, int]:
            return {"following": request.order_id}

    The method takes the socket and the event's arguments. Each argument is decoded to its annotated type before the
    handler runs: any type that msgspec decodes; `Any` where there is no annotation; `bytes` for binary, anywhere in an
    argument. Arguments with a default may be missing, and those beyond the parameters are left out. If an argument does
    not fit, `Namespace.on_error` runs with `InvalidArguments`, and the handler does not.

    What the method returns is the acknowledgement, if the client asked for one: None is one without arguments, a tuple
    one with several, anything else one with a single argument.

    Args:
        name: The event's name. `"*"` is the catch-all handler, for events that have no other: it takes the socket, the
            event's name, and the event's arguments.
        overlapping: Whether the handler may run beside other overlapping handlers of the same socket, fifty at a time.
            By default the handlers of a socket run one at a time, in the order in which the client emitted.
        volatile: Whether the event does not wait for others of the same socket, nor others for it: for what is of use
            at once or not at all, such as that somebody types. Volatile events of a socket have an order among
            themselves. What waits of them counts for `Options.inbound_limit` like any event. It goes before
            `overlapping`.
        permission: What `Socket.user` must have: a permission of Django by its name, `"orders.cancel_order"`, or a
            permission class of Django REST framework (`socketio_bridge.users.guards.Permission`). User and permissions
            are read anew for each event. Who lacks it is refused: `Namespace.on_error` gets `EventRefused`.
        rate: How often a user may send the event: "10/s" (s, m, h, d). So many may come at once; the tokens of the
            bucket then fill evenly. Each process counts by itself, and for sockets without a user each by itself. One
            too many is refused with the code `rate_limited` and `retry_after`.
    """
    guard = None if permission is None and rate is None else Guard(permission, rate)

    def mark(handler: _Handler) -> _Handler:
        setattr(handler, _MARK, _Mark(name, overlapping, volatile, guard))
        return handler

    return mark


def server_event(name: str) -> Callable[[_Handler], _Handler]:
    """Mark a method of a `Namespace` as the handler of an event that other processes send by `server_side_emit`.

    The method takes the event's arguments, each converted to its annotated type. What it returns answers
    `server_side_call`, and must be something that msgspec encodes to MessagePack.

    Args:
        name: The event's name. It may be that of a client's event, too: the two do not clash.
    """

    def mark(handler: _Handler) -> _Handler:
        setattr(handler, _SERVER_MARK, name)
        return handler

    return mark


class Namespace:
    """The handlers of a namespace.

        class OrderEvents(Namespace):
            path = "/orders"

            async def on_connect(self, socket: Socket) -> None:
                await socket.enter_room("everybody")

            @event("follow")
            async def follow(self, socket: Socket, order_id: int) -> None:
                await socket.enter_room(f"order:{order_id}")

        server = SocketIOServer([OrderEvents()])

    Subclass it, set `path`, mark handlers by `@event`, and give an instance to `SocketIOServer`. One instance serves
    all sockets of a process; what belongs to one client goes into `socket.data`.

    A dynamic namespace has a `pattern`, or overrides `serves`, and stands for every path that it serves. Each of these
    paths is a namespace of its own, with its own rooms; `socket.namespace` is the client's.

    Attributes:
        path: The namespace's path; it begins with a slash.
        pattern: Makes the namespace dynamic: it serves the paths that match as a whole, unless another namespace has
            the very path.
        connect_middleware: Runs before `on_connect`, in this order.
        event_middleware: Runs around the handler of each event, the first outermost. It gets the arguments as plain
            Python values, before the handler's types are applied. What it raises goes to `on_error`, like what a
            handler raises.
        permission: What the user of a client must have to be let in, as for `event`; None: nothing. It is looked at
            after `connect_middleware`, which sets `Socket.user` where clients have tokens, and before `on_connect`.
            With `Options.follow_session` who loses it is put out.
        emits: The events that the server emits here, each declared by `outgoing_event`. From them come documents and
            types for clients (`manage.py asyncapi`, `manage.py socketio types`), and what tests hold emissions to.
        error_codes: The codes with which handlers refuse (`EventRefused`), beside those of the bridge and its guards.
        handshake_type: The type of what clients send in `query` or `auth`. `manage.py asyncapi` documents it.
        named_types: Types that a schema written by hand (msgspec's `extra_json_schema`) refers to. `manage.py asyncapi`
            documents them.
    """

    path: ClassVar[str] = "/"
    pattern: ClassVar[re.Pattern[str] | None] = None
    emits: ClassVar[Sequence[OutgoingEvent[..., Any]]] = ()
    error_codes: ClassVar[Sequence[str]] = ()
    named_types: ClassVar[Sequence[Any]] = ()
    handshake_type: ClassVar[Any] = None
    permission: ClassVar[Permission | None] = None
    connect_middleware: ClassVar[Sequence[ConnectMiddleware]] = ()
    event_middleware: ClassVar[Sequence[EventMiddleware]] = ()

    def __init__(self) -> None:
        marked = self._marked(_MARK)
        self._handlers = {
            mark.name: EventHandler(handler, skip=2 if mark.name == _CATCH_ALL else 1) for mark, handler in marked
        }
        # Not among the others, as a client may emit an event named "*".
        self._catch_all = self._handlers.pop(_CATCH_ALL, None)
        self._server_handlers = {name: EventHandler(handler, skip=0) for name, handler in self._marked(_SERVER_MARK)}
        self._guards = {mark.name: mark.guard for mark, _ in marked if mark.guard is not None}
        self._overlapping = frozenset(mark.name for mark, _ in marked if mark.overlapping)
        self._volatile = frozenset(mark.name for mark, _ in marked if mark.volatile)
        self.dynamic = self.pattern is not None or type(self).serves is not Namespace.serves
        # Events go out encoded. They are decoded again for `on_outgoing`, so only where it is overridden.
        self.watches_outgoing = type(self).on_outgoing is not Namespace.on_outgoing
        self.watches_upgrade = type(self).on_upgrade is not Namespace.on_upgrade

    def _marked(self, attribute: str) -> list[tuple[Any, Callable[..., Awaitable[Any]]]]:
        return [
            (mark, getattr(self, name))
            for name, member in inspect.getmembers(type(self), inspect.isfunction)
            if (mark := getattr(member, attribute, None)) is not None
        ]

    def serves(self, path: str) -> bool:
        """Tell whether this dynamic namespace serves a path; override it where a pattern cannot tell.

        It is called when a client connects to a path that is no other namespace's. `connect_middleware` and
        `on_connect` decide whether that client is let in.

        Args:
            path: The path that the client asks for.
        """
        return self.pattern is not None and self.pattern.fullmatch(path) is not None

    async def on_startup(self) -> None:
        """Called once in each event loop that serves sockets (a process has one), before the first socket."""

    def on_gap(self, since: float) -> None:
        """Called when something that another process emitted is lost to the sockets here.

        An outage of the channel layer loses nothing by itself: what is emitted meanwhile arrives when it is back. Lost
        is what had to wait for too long, what was too much, and what the other process took along when it ended. For
        which sockets it was is not known. This is called once for what is noticed within a second.

        Args:
            since: The instant (`time.monotonic()`) after which it was emitted.
        """

    def local_sockets(self) -> list[Socket]:
        """The sockets of this process in the namespace `path`, those too whose connect handlers run."""
        adapter = find_adapter()
        return [] if adapter is None else [cast(Socket, socket) for socket in adapter.rooms(self.path).select(None)]

    async def on_shutdown(self) -> None:
        """Called when the server stops, after the last socket."""

    async def on_connect(self, socket: Socket) -> None:
        """Called when a client asks to be let in. By default it is.

        The client learns that it is in when this returns, and gets then what was emitted to it meanwhile. Therefore
        `socket.call` raises `RuntimeError` here. If more than half of `Options.outbound_limit` waits for the client
        before, its connection ends, and it connects again.

        If the client leaves while this runs, `on_disconnect` runs after it. If the client left before, this is not
        called.

        Args:
            socket: The client; `socket.handshake` says who it is.

        Raises:
            ConnectionRefused: Raise it to keep the client out. Any other exception, or taking longer than
                `Options.connect_timeout`, refuses the client with "Internal Server Error".
            TryAgainLater: Raise it where the client cannot be let in just now, as while a store is away.
        """

    async def on_upgrade(self, socket: Socket) -> None:
        """Called when the connection of a client that is in has changed over from long-polling to a WebSocket.

        It runs in turn with the handlers of the socket's events, and beside those that overlap. A client that joins the
        namespace later, or begins with a WebSocket, does not come here: `socket.transport` says how it stands.

        Args:
            socket: The client.
        """

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        """Called when a client that was let in has left.

        Args:
            socket: The client. What is emitted to its rooms does not reach it any more; `socket.rooms` still names
                them. `socket.close_code` says how its WebSocket ended.
            reason: Why, in Socket.IO's words: "client namespace disconnect", "server namespace disconnect", "transport
                close", "transport error", "ping timeout", "parse error", "server shutting down", …
        """

    async def on_session_end(self, socket: Socket, reason: Lapse) -> None:
        """Called with `Options.follow_session` when the user of a client may not be in any more; disconnects it.

        Override it to tell the client before, or to have it connect again as whoever it is now (`socket.reconnect()`).
        It has five seconds.

        Args:
            socket: The client.
            reason: "session_ended" (logged out, or expired), "password_changed", "user_inactive" or "permission_lost".
        """
        await socket.disconnect()

    def on_outgoing(self, socket: Socket, event: str, arguments: list[Any]) -> None:
        """Called for each client to which an event goes out, before it does; not for acknowledgements.

        Args:
            socket: The client.
            event: The event's name.
            arguments: Its arguments; with connection state recovery on, the last is the event's offset.
        """

    def save(self, socket: Socket) -> Any:
        """Choose what is kept of a client, to be given to `on_recover` if it was cut off and comes back.

        Args:
            socket: The client.

        Returns:
            Anything that msgspec encodes to MessagePack, as the client may come back to another process. By default
            all of `socket.data`; None where that cannot be encoded.
        """
        try:
            msgspec.msgpack.encode(vars(socket.data))
        except (TypeError, ValueError, OverflowError) as error:
            logger.debug("The data of %r is not kept for its recovery: %s", socket, error)
            return None
        return vars(socket.data)

    async def on_recover(self, socket: Socket, saved: Any) -> None:
        """Called in place of `on_connect` when a client that was cut off has come back as the socket that it was.

        The socket has its id and its rooms again, and connect middleware does not run. What is emitted to it here
        reaches the client after the events that it missed.

        Args:
            socket: The client; `socket.recovered` is true.
            saved: What `save` returned, as MessagePack gives it back. By default it becomes `socket.data` again.

        Raises:
            ConnectionRefused: Raise it to keep the client out.
            TryAgainLater: Raise it where the client cannot be let in just now; it can still come back as what it was.
        """
        vars(socket.data).update(saved or {})

    async def on_error(self, socket: Socket, event: str, arguments: Sequence[Any], error: Exception) -> Any:
        """Called when an event cannot be handled.

        By default an event that is refused is acknowledged with the reason: `{"error": {"code": "unknown_event",
        "message": "…"}}`. Any other error is logged, and no acknowledgement is sent.

        Args:
            socket: The client.
            event: The event's name.
            arguments: Raw JSON (`msgspec.Raw`), one each; Python values if the event came with binary or there is
                event middleware.
            error: `UnknownEvent`, `InvalidArguments`, or what a guard, the handler or its middleware raised. Refusals
                are these two, `EventRefused`, and Django's `PermissionDenied`.

        Returns:
            The acknowledgement, as a handler returns it; `NO_ACK`: none.
        """
        if isinstance(error, EventError | PermissionDenied):
            logger.info("Refused an event from %r: %s", socket, error)
            return refused(error)
        logger.error("The handler of %.80r failed.", event, exc_info=error)
        return NO_ACK

    @property
    def handlers(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """The handlers of clients' events by the event's name, without the catch-all handler."""
        return {name: handler.call for name, handler in self._handlers.items()}

    @property
    def guards(self) -> Mapping[str, Guard]:
        """The guards of clients' events, by the event's name."""
        return self._guards

    def handles(self, event: str) -> bool:
        """Whether there is a handler for an event, the catch-all handler included."""
        return event in self._handlers or self._catch_all is not None

    def may_overlap(self, event: str) -> bool:
        """Whether the handler of an event is marked as overlapping."""
        return (event if event in self._handlers else _CATCH_ALL) in self._overlapping

    def is_volatile(self, event: str) -> bool:
        """Whether the handler of an event is marked as volatile."""
        return (event if event in self._handlers else _CATCH_ALL) in self._volatile

    async def run_connect_middleware(self, socket: Socket) -> None:
        """Run the connect middleware, then look at session and permission. What one raises refuses the client."""
        for middleware in self.connect_middleware:
            await middleware(socket)
        await admit(socket, self.permission)

    async def recover(self, socket: Socket, saved: Any) -> None:
        """Run `on_recover`, then look at session and permission."""
        await self.on_recover(socket, saved)
        await admit(socket, self.permission)

    def sends(self, socket: Socket, text: str, attachments: Sequence[bytes]) -> None:
        """Call `on_outgoing` for an encoded event."""
        try:
            sent = packet.decode(text.removeprefix(PacketType.MESSAGE))
            arguments = [decode_argument(argument) for argument in reconstruct(sent.arguments, attachments)]
            self.on_outgoing(socket, sent.event, arguments)
        except Exception:
            logger.exception("on_outgoing of %s failed.", socket.namespace)

    async def dispatch(self, socket: Socket, event: str, arguments: list[Any]) -> Any:
        """Run the handler of an event inside its middleware; return the acknowledgement, or `NO_ACK`."""
        began = time.monotonic()
        failed: BaseException | None = None
        try:
            if self.event_middleware:
                arguments = [decode_argument(argument) for argument in arguments]
                return await self._through(0, socket, event, arguments)
            return await self._handle(socket, event, arguments)
        except Exception as error:
            failed = error
            return await self.on_error(socket, event, arguments, error)
        except BaseException as error:
            failed = error
            if ends_task(error):
                raise
            failure = RuntimeError(f"the handler of {event[:80]!r} ended with {error!r}")
            failure.__cause__ = error
            return await self.on_error(socket, event, arguments, failure)
        finally:
            known = event if event in self._handlers else ""
            instrumentation().event_handled(self.label, known, failed, time.monotonic() - began)

    @property
    def label(self) -> str:
        """What measurements call it: its path; the class's name of a dynamic namespace, which has any number."""
        return type(self).__name__ if self.dynamic else self.path

    async def dispatch_server_event(self, event: str, arguments: list[Any]) -> Any:
        """Run the handler of an event that another process sent; return what the handler returns.

        Raises:
            UnknownEvent: There is no such handler.
            InvalidArguments: The arguments do not fit it.
        """
        handler = self._server_handlers.get(event)
        if handler is None:
            raise UnknownEvent(f"{event!r} is no server event of {type(self).__name__}")
        return await handler.call(*handler.decode(arguments))

    async def _through(self, index: int, socket: Socket, event: str, arguments: list[Any]) -> Any:
        if index == len(self.event_middleware):
            return await self._handle(socket, event, arguments)

        async def call_next(arguments: list[Any]) -> Any:
            return await self._through(index + 1, socket, event, arguments)

        return await self.event_middleware[index](socket, event, arguments, call_next)

    async def _handle(self, socket: Socket, event: str, arguments: list[Any]) -> Any:
        handler = self._handlers.get(event)
        if self._guards and (guard := self._guards.get(event if handler is not None else _CATCH_ALL)) is not None:
            await guard.check(socket, self, event)
        if handler is not None:
            return await handler.call(socket, *handler.decode(arguments))
        if self._catch_all is not None:
            return await self._catch_all.call(socket, event, *self._catch_all.decode(arguments))
        known = ", ".join(sorted(self._handlers)) or "none"
        raise UnknownEvent(f"{event[:80]!r} is no event of {socket.namespace}; there are: {known}")
