"""What an application writes: a namespace's connect, disconnect and event handlers."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, get_type_hints

import msgspec

from socketio_bridge.exceptions import InvalidArguments, UnknownEvent
from socketio_bridge.protocol import packet
from socketio_bridge.protocol.attachments import put_back
from socketio_bridge.protocol.engineio import PacketType
from socketio_bridge.protocol.validation import explained
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


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


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
            mark.name: _EventHandler(handler, apart=2 if mark.name == _CATCH_ALL else 1) for mark, handler in marked
        }
        # Apart from the others: a client may name an event as it likes.
        self._catch_all = self._handlers.pop(_CATCH_ALL, None)
        self._server_handlers = {name: _EventHandler(handler, apart=0) for name, handler in self._marked(_SERVER_MARK)}
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
            arguments = [decode_argument(argument) for argument in put_back(sent.arguments, attachments)]
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


class _EventHandler:
    """A handler and the decoders of its arguments; `apart` is how many others it takes before them."""

    __slots__ = ("_decoders", "_required", "_rest", "call")

    def __init__(self, handler: Callable[..., Awaitable[Any]], *, apart: int) -> None:
        parameters = list(inspect.signature(handler).parameters.values())[apart:]
        hints = annotated_types(handler, [parameter.name for parameter in parameters])
        one_each = [parameter for parameter in parameters if parameter.kind in _POSITIONAL]
        self.call = handler
        self._decoders: list[msgspec.json.Decoder[Any]] = [
            msgspec.json.Decoder(hints.get(parameter.name, Any)) for parameter in one_each
        ]
        self._rest: msgspec.json.Decoder[Any] | None = None
        for parameter in parameters:
            if parameter.kind is parameter.VAR_POSITIONAL:
                self._rest = msgspec.json.Decoder(hints.get(parameter.name, Any))
        self._required = sum(parameter.default is parameter.empty for parameter in one_each)

    def decode(self, arguments: list[Any]) -> list[Any]:
        """The arguments as the handler wants them; more than it takes are left out, as in JavaScript."""
        if len(arguments) < self._required:
            raise InvalidArguments(f"expected {self._required} argument(s), got {len(arguments)}")
        decoders = self._decoders
        if self._rest is not None:
            decoders = decoders + [self._rest] * (len(arguments) - len(decoders))
        try:
            return [
                decoder.decode(argument)
                if type(argument) is msgspec.Raw
                else msgspec.convert(argument, decoder.type, str_keys=True)  # not straight from the wire
                for decoder, argument in zip(decoders, arguments, strict=False)
            ]
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidArguments(explained(error, *(decoder.type for decoder in decoders))) from error


def decode_argument(argument: Any) -> Any:
    """An argument as it came in, as a plain Python value. Raises `InvalidArguments` for what Python cannot hold."""
    if type(argument) is not msgspec.Raw:
        return argument
    try:
        return msgspec.json.decode(argument)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidArguments(str(error)) from error


def annotated_types(handler: Callable[..., Any], names: Sequence[str]) -> dict[str, Any]:
    """The types of the parameters `names` (or `return`) alone: others may name what exists for type checkers only."""
    annotations = inspect.get_annotations(inspect.unwrap(getattr(handler, "__func__", handler)))
    wanted = SimpleNamespace(__annotations__={name: annotations[name] for name in names if name in annotations})
    return get_type_hints(wanted, globalns=getattr(handler, "__globals__", None))
