"""Events that the server emits, declared as handlers declare those that clients emit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, get_origin

import msgspec

from socketio_bridge.events.arguments import annotated_types, explained
from socketio_bridge.exceptions import InvalidAck

_Parameters = ParamSpec("_Parameters")
_Answer = TypeVar("_Answer")
_AnswerOut = TypeVar("_AnswerOut", covariant=True)


class Outgoing(Generic[_AnswerOut]):
    """An event with its arguments, as `emit` takes it; calling an `OutgoingEvent` makes it.

    Attributes:
        event: The declared event.
        arguments: Its arguments.
    """

    __slots__ = ("arguments", "event")

    def __init__(self, event: OutgoingEvent[..., _AnswerOut], arguments: Sequence[Any]) -> None:
        self.event = event
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"<{self.name!r} {self.arguments!r}>"

    @property
    def name(self) -> str:
        """The event's name."""
        return self.event.name


class OutgoingEvent(Generic[_Parameters, _Answer]):
    """A declared event; `outgoing_event` makes it.

    Attributes:
        name: The event's name.
        function: The function whose parameters are the event's arguments.
    """

    def __init__(self, name: str, function: Callable[_Parameters, _Answer]) -> None:
        self.name = name
        self.function = function
        self._signature = inspect.signature(function)
        self._count = len(self._signature.parameters)

    def __call__(self, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> Outgoing[_Answer]:
        """Make the event ready to be emitted.

        Raises:
            TypeError: The arguments are not those that are declared.
        """
        if kwargs or len(args) != self._count:
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            return Outgoing(self, bound.args)
        return Outgoing(self, args)

    def __repr__(self) -> str:
        return f"<outgoing event {self.name!r}>"

    def answer(self, values: Sequence[Any]) -> _Answer:
        """Convert a client's acknowledgement to the declared type.

        Args:
            values: The acknowledgement's arguments.

        Raises:
            InvalidAck: They do not fit.
        """
        wanted = annotated_types(self.function, ["return"]).get("return", Any)
        several = get_origin(wanted) is tuple
        value: Any = tuple(values) if several else values[0] if values else None
        try:
            answer: _Answer = msgspec.convert(value, wanted)
        except msgspec.ValidationError as error:
            raise InvalidAck(f"the acknowledgement of {self.name!r}: {explained(error, wanted)}") from error
        return answer


def outgoing_event(name: str) -> Callable[[Callable[_Parameters, _Answer]], OutgoingEvent[_Parameters, _Answer]]:
    """Declare an event that the server emits.

        @outgoing_event("shipped")
        def shipped(order: Order) -> None: ...

        await emit(shipped(Order(order_id=7)), to="order:7", namespace="/orders")

    A wrong name or argument is an error of type checkers then. The function's body is never run; its docstring
    documents the event. What it returns is how clients acknowledge the event, as `Socket.call` returns it: a tuple is
    several arguments, None is none.

    Args:
        name: The event's name.
    """

    def declare(function: Callable[_Parameters, _Answer]) -> OutgoingEvent[_Parameters, _Answer]:
        return OutgoingEvent(name, function)

    return declare


class Sent(NamedTuple):
    """An event on its way out, for those who watch: tests.

    Attributes:
        name: The event's name.
        arguments: Its arguments, as they were given.
        namespace: The namespace's path, or a pattern of paths.
        to: The rooms; None: the whole namespace.
        except_: Rooms whose sockets are left out.
    """

    name: str
    arguments: Sequence[Any]
    namespace: str | re.Pattern[str]
    to: Sequence[str] | None
    except_: Sequence[str] = ()


watchers: list[Callable[[Sent], None]] = []
"""Called with each event that this process emits, before it leaves."""


def name_and_arguments(
    event: str | Outgoing[Any],
    arguments: Sequence[Any],
    namespace: str | re.Pattern[str],
    to: Sequence[str] | None,
    except_: Sequence[str] = (),
) -> tuple[str, Sequence[Any]]:
    """Take what `emit` is given apart: the event's name, and its arguments. Tell watchers of it.

    Raises:
        TypeError: A declared event has its arguments, and there are others.
    """
    if isinstance(event, Outgoing) and not arguments:
        name, arguments = event.name, event.arguments
    elif isinstance(event, str):
        name = event
    else:
        raise TypeError(
            f"{event!r}: give an event's name and its arguments, or a declared event that was called with them"
        )
    for watch in watchers:
        watch(Sent(name, arguments, namespace, to, except_))
    return name, arguments
