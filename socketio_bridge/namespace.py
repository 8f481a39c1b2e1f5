"""What an application writes: a namespace's connect, disconnect and event handlers."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple, TypeVar, get_type_hints

import msgspec

from socketio_bridge.exceptions import InvalidArguments, UnknownEvent
from socketio_bridge.socket import NO_ACK, Socket

logger = logging.getLogger(__name__)

_Handler = TypeVar("_Handler", bound=Callable[..., Awaitable[Any]])
_MARK = "_socketio_event"


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
    """

    def mark(handler: _Handler) -> _Handler:
        setattr(handler, _MARK, _Mark(name, overlapping))
        return handler

    return mark


class Namespace:
    """Handlers for one namespace. Subclass it, set `path`, mark handlers with `@event`, and give an instance to
    `SocketIOServer`.

    One instance serves all sockets of the process: what belongs to a client goes into `socket.data`.
    """

    path: ClassVar[str] = "/"

    def __init__(self) -> None:
        marked = [
            (mark, getattr(self, attribute))
            for attribute, member in inspect.getmembers(type(self), inspect.isfunction)
            if (mark := getattr(member, _MARK, None)) is not None
        ]
        self._handlers = {mark.name: _EventHandler(handler) for mark, handler in marked}
        self._overlapping = frozenset(mark.name for mark, _ in marked if mark.overlapping)

    async def on_startup(self) -> None:
        """Called once in each event loop, before its first socket."""

    async def on_shutdown(self) -> None:
        """Called when the server stops, after its last socket."""

    async def on_connect(self, socket: Socket) -> None:
        """A client asks to be let in: raise `ConnectionRefused` to keep it out.

        What is emitted to the socket here reaches the client after it has learnt that it is in.
        """

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        """A client that was in has left; `reason` is one of Socket.IO's, such as "transport close" or "ping
        timeout".
        """

    async def on_error(self, socket: Socket, event: str, arguments: Sequence[Any], error: Exception) -> Any:
        """An event could not be handled: no handler has its name (`UnknownEvent`), its arguments do not fit the handler
        (`InvalidArguments`), or the handler raised.

        What this returns answers the client's acknowledgement; `NO_ACK` leaves it unanswered. `arguments` are raw JSON
        texts (`msgspec.Raw`); those of an event that came with binary are Python values.
        """
        if isinstance(error, UnknownEvent | InvalidArguments):
            logger.info("Ignored an event from %r: %s", socket, error)
        else:
            logger.error("The handler of %r failed.", event, exc_info=error)
        return NO_ACK

    def may_overlap(self, event: str) -> bool:
        """Whether the handler of an event may run beside others of its kind."""
        return event in self._overlapping

    async def dispatch(self, socket: Socket, event: str, arguments: list[Any]) -> Any:
        """Run the handler of an event; give back what answers its acknowledgement."""
        try:
            handler = self._handlers.get(event)
            if handler is None:
                raise UnknownEvent(
                    f"{event!r} is no event of {self.path}; there are: {', '.join(sorted(self._handlers)) or 'none'}"
                )
            return await handler.call(socket, *handler.decode(arguments))
        except Exception as error:
            return await self.on_error(socket, event, arguments, error)


class _EventHandler:
    """A handler and the decoders of its arguments."""

    __slots__ = ("_decoders", "_required", "call")

    def __init__(self, handler: Callable[..., Awaitable[Any]]) -> None:
        parameters = list(inspect.signature(handler).parameters.values())[1:]
        hints = _hints(handler, [parameter.name for parameter in parameters])
        self.call = handler
        self._decoders: list[msgspec.json.Decoder[Any]] = [
            msgspec.json.Decoder(hints.get(parameter.name, Any)) for parameter in parameters
        ]
        self._required = sum(parameter.default is parameter.empty for parameter in parameters)

    def decode(self, arguments: list[Any]) -> list[Any]:
        """The arguments as the handler wants them; more than it takes are left out, as in JavaScript."""
        if len(arguments) < self._required:
            raise InvalidArguments(f"expected {self._required} argument(s), got {len(arguments)}")
        try:
            return [
                decoder.decode(argument)
                if type(argument) is msgspec.Raw
                else msgspec.convert(argument, decoder.type, str_keys=True)  # came with binary
                for decoder, argument in zip(self._decoders, arguments, strict=False)
            ]
        except (msgspec.MsgspecError, RecursionError) as error:
            raise InvalidArguments(str(error)) from error


def _hints(handler: Callable[..., Any], names: Sequence[str]) -> dict[str, Any]:
    """The types of the parameters `names` alone: other annotations may name what exists for type checkers only."""
    annotations = inspect.get_annotations(inspect.unwrap(getattr(handler, "__func__", handler)))
    wanted = SimpleNamespace(__annotations__={name: annotations[name] for name in names if name in annotations})
    return get_type_hints(wanted, globalns=getattr(handler, "__globals__", None))
