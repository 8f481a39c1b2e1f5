"""What an application writes: a namespace's connect, disconnect and event handlers."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar

import msgspec

from socketio_bridge.arguments import EventHandler, decode_argument
from socketio_bridge.exceptions import InvalidArguments, UnknownEvent
from socketio_bridge.protocol import packet
from socketio_bridge.protocol.attachments import reconstruct
from socketio_bridge.protocol.engineio import PacketType
from socketio_bridge.sockets.event_queue import ends_task
from socketio_bridge.sockets.socket import NO_ACK, Socket

logger = logging.getLogger(__name__)

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[Any]])
_MARK = "_socketio_event"
_SERVER_MARK = "_socketio_server_event"
_CATCH_ALL = "*"

ConnectMiddleware: TypeAlias = Callable[[Socket], Awaitable[None]]
"""Runs before the connect handler, and may raise `ConnectionRefused`."""

CallNext: TypeAlias = Callable[[list[Any]], Awaitable[Any]]
"""Takes an event's arguments on to the next middleware, or to the handler; gives back what answers the event."""

EventMiddleware: TypeAlias = Callable[[Socket, str, list[Any], CallNext], Awaitable[Any]]
"""Runs around the handler of an event: `async def middleware(socket, event, arguments, call_next)`."""


class _Mark(NamedTuple):
    """What `@event` notes on a handler."""

    name: str
    overlapping: bool


def event(name: str, *, overlapping: bool = False) -> Callable[[_Handler], _Handler]:
    """Mark a method of a `Namespace` as the handler of the event `name`.

    The method takes the socket and the event's arguments. Each argument is decoded to its annotated type (anything
    msgspec knows; `Any` without one) before the handler runs; binary is `bytes`, anywhere in an argument.
    What it returns answers the client's acknowledgement: None with no argument, a tuple with several, anything else
    with one.

    The handler of `"*"` takes all events that no other handler is for; its arguments are the socket, the event's name,
    and the event's arguments (`*arguments`, say).
    """

    def mark(handler: _Handler) -> _Handler:
        setattr(handler, _MARK, _Mark(name, overlapping))
        return handler

    return mark


def server_event(name: str) -> Callable[[_Handler], _Handler]:
    """Mark a method of a `Namespace` as the handler of what other processes send with `server_side_emit`.

    It takes the event's arguments, converted to their annotated types. What it returns, in builtins or what msgspec
    makes such of, answers `server_side_call`.
    """

    def mark(handler: _Handler) -> _Handler:
        setattr(handler, _SERVER_MARK, name)
        return handler

    return mark


class Namespace:
    """Handlers for one namespace. Subclass it, set `path`, mark handlers with `@event`, and give an instance to
    `SocketIOServer`.

    One instance serves all sockets of the process: what belongs to a client goes into `socket.data`.

    `connect_middleware` run, in order, before `on_connect`. `event_middleware` run around the handler of each event,
    the first outermost: what one returns answers the event, what it raises goes to `on_error`, as if the handler had.
    They see an event's arguments as plain Python values, before the handler's types are applied to them.

    A dynamic namespace has a `pattern` in place of its path: it serves every namespace whose whole path matches, where
    no other has just that path. Where a pattern cannot tell, override `serves`. Each is a namespace of its own;
    `socket.namespace` is the one that a client is in.

    `emits` (event → type of its argument) and `handshake_type` (what clients say of themselves in `query` or `auth`)
    are for readers: `manage.py asyncapi` documents a namespace from them and from the types of its handlers.
    """

    path: ClassVar[str] = "/"
    pattern: ClassVar[re.Pattern[str] | None] = None
    emits: ClassVar[Mapping[str, Any]] = {}
    handshake_type: ClassVar[Any] = None
    connect_middleware: ClassVar[Sequence[ConnectMiddleware]] = ()
    event_middleware: ClassVar[Sequence[EventMiddleware]] = ()

    def __init__(self) -> None:
        marked = self._marked(_MARK)
        self._handlers = {
            mark.name: EventHandler(handler, skip=2 if mark.name == _CATCH_ALL else 1) for mark, handler in marked
        }
        # Apart from the others: a client may name an event as it likes.
        self._catch_all = self._handlers.pop(_CATCH_ALL, None)
        self._server_handlers = {name: EventHandler(handler, skip=0) for name, handler in self._marked(_SERVER_MARK)}
        self._overlapping = frozenset(mark.name for mark, _ in marked if mark.overlapping)
        self.dynamic = self.pattern is not None or type(self).serves is not Namespace.serves
        # Events go out encoded: they are read again only where somebody wants to know.
        self.watches_outgoing = type(self).on_outgoing is not Namespace.on_outgoing

    def _marked(self, attribute: str) -> list[tuple[Any, Callable[..., Awaitable[Any]]]]:
        return [
            (mark, getattr(self, name))
            for name, member in inspect.getmembers(type(self), inspect.isfunction)
            if (mark := getattr(member, attribute, None)) is not None
        ]

    def serves(self, path: str) -> bool:
        """Whether this, a dynamic namespace, is the one of that path: by default, if its pattern matches the whole of
        it. It is asked when a client wants to connect; whom to let in there is for `connect_middleware` and
        `on_connect` to decide.
        """
        return self.pattern is not None and self.pattern.fullmatch(path) is not None

    async def on_startup(self) -> None:
        """Called once in each event loop, before its first socket."""

    async def on_shutdown(self) -> None:
        """Called when the server stops, after its last socket."""

    async def on_connect(self, socket: Socket) -> None:
        """A client asks to be let in: raise `ConnectionRefused` to keep it out.

        A client that left while the middleware ran has no `on_connect`; one that leaves while this runs has
        `on_disconnect` when it has ended. After `connect_timeout` it is cancelled, and the client refused.
        What is emitted to the socket here reaches the client after it has learnt that it is in; so `socket.call` raises
        `RuntimeError` here, as no answer could come. When more than half of `outbound_limit` waits for the client
        before this has ended, its connection ends, and it connects anew.
        """

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        """A client that was in has left; `reason` is one of Socket.IO's, such as "transport close" or "ping
        timeout".
        """

    def on_outgoing(self, socket: Socket, event: str, arguments: list[Any]) -> None:
        """An event goes out to a client: its own, or one for a room that it is in, from any process.

        Called before the event is on its way, and for each client; not for acknowledgements. With connection state
        recovery on, the offset is the last of the arguments.
        """

    def save(self, socket: Socket) -> Any:
        """What `on_recover` gets of a client that was cut off and comes back, perhaps to another process: anything that
        msgpack holds. By default all of `socket.data`, if msgpack holds it; else nothing (None).
        """
        try:
            msgspec.msgpack.encode(vars(socket.data))
        except (TypeError, ValueError, OverflowError) as error:
            logger.debug("The data of %r is not kept for its recovery: %s", socket, error)
            return None
        return vars(socket.data)

    async def on_recover(self, socket: Socket, saved: Any) -> None:
        """A client that was cut off has come back (`socket.recovered`): it has its id and its rooms again, and
        `on_connect` and its middleware are not run. By default `socket.data` is what it was.

        Raise `ConnectionRefused` to keep it out. What is emitted to the socket here reaches the client after what it
        has missed.
        """
        vars(socket.data).update(saved or {})

    async def on_error(self, socket: Socket, event: str, arguments: Sequence[Any], error: Exception) -> Any:
        """An event could not be handled: no handler has its name (`UnknownEvent`), its arguments do not fit the handler
        (`InvalidArguments`), or the handler raised.

        What this returns answers the client's acknowledgement; `NO_ACK` leaves it unanswered. `arguments` are raw JSON
        texts (`msgspec.Raw`); those of an event that came with binary, or by middleware, are Python values.
        """
        if isinstance(error, UnknownEvent | InvalidArguments):
            logger.info("Ignored an event from %r: %s", socket, error)
        else:
            logger.error("The handler of %.80r failed.", event, exc_info=error)
        return NO_ACK

    @property
    def handlers(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """The handlers of clients' events, by event; without the one of `"*"`."""
        return {name: handler.call for name, handler in self._handlers.items()}

    def may_overlap(self, event: str) -> bool:
        """Whether the handler of an event may run beside others of its kind."""
        return (event if event in self._handlers else _CATCH_ALL) in self._overlapping

    async def run_connect_middleware(self, socket: Socket) -> None:
        """Run the connect middleware; `ConnectionRefused` keeps the socket out."""
        for middleware in self.connect_middleware:
            await middleware(socket)

    def sends(self, socket: Socket, text: str, attachments: Sequence[bytes]) -> None:
        """Tell `on_outgoing` of an encoded event."""
        try:
            sent = packet.decode(text.removeprefix(PacketType.MESSAGE))
            arguments = [decode_argument(argument) for argument in reconstruct(sent.arguments, attachments)]
            self.on_outgoing(socket, sent.event, arguments)
        except Exception:
            logger.exception("on_outgoing of %s failed.", socket.namespace)

    async def dispatch(self, socket: Socket, event: str, arguments: list[Any]) -> Any:
        """Run the handler of an event, inside its middleware; give back what answers its acknowledgement."""
        try:
            if self.event_middleware:
                arguments = [decode_argument(argument) for argument in arguments]
                return await self._through(0, socket, event, arguments)
            return await self._handle(socket, event, arguments)
        except Exception as error:
            return await self.on_error(socket, event, arguments, error)
        except BaseException as error:
            if ends_task(error):
                raise
            failure = RuntimeError(f"the handler of {event[:80]!r} ended with {error!r}")
            failure.__cause__ = error
            return await self.on_error(socket, event, arguments, failure)

    async def dispatch_server_event(self, event: str, arguments: list[Any]) -> Any:
        """Run the handler of what another process sent. Raises `UnknownEvent`, `InvalidArguments`, or as it does."""
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
        if handler is not None:
            return await handler.call(socket, *handler.decode(arguments))
        if self._catch_all is not None:
            return await self._catch_all.call(socket, event, *self._catch_all.decode(arguments))
        known = ", ".join(sorted(self._handlers)) or "none"
        raise UnknownEvent(f"{event[:80]!r} is no event of {socket.namespace}; there are: {known}")
