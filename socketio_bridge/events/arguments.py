"""An event's arguments, decoded and checked by the types that its handler declares."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, get_type_hints

import msgspec

from socketio_bridge.exceptions import InvalidArguments

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NONE_OF_THEM = re.compile(r"Invalid enum value .*?(?: - at `\$(?P<path>(?:\.\w+)*)`)?", re.DOTALL)


class EventHandler:
    """A handler and the decoders of its arguments.

    Args:
        handler: The bound method.
        skip: How many parameters come before the event's arguments: the socket, and for `"*"` the event's name.
    """

    __slots__ = ("_decoders", "_required", "_rest", "call")

    def __init__(self, handler: Callable[..., Awaitable[Any]], *, skip: int) -> None:
        parameters = list(inspect.signature(handler).parameters.values())[skip:]
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
        """Decode an event's arguments to the handler's types.

        Args:
            arguments: Raw JSON (`msgspec.Raw`) or Python values, one each.

        Returns:
            The handler's arguments. Those beyond its parameters are left out, as in JavaScript.

        Raises:
            InvalidArguments: There are too few, or one does not fit its type.
        """
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
    """Decode one argument to a plain Python value, without regard to a handler's types.

    Raises:
        InvalidArguments: It is JSON that Python cannot hold, such as the number 1e999.
    """
    if type(argument) is not msgspec.Raw:
        return argument
    try:
        return msgspec.json.decode(argument)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidArguments(str(error)) from error


def annotated_types(handler: Callable[..., Any], names: Sequence[str]) -> dict[str, Any]:
    """Resolve the annotations of some parameters, or of `return`.

    Only those in `names` are resolved: others may name types that exist for type checkers only.
    """
    annotations = inspect.get_annotations(inspect.unwrap(getattr(handler, "__func__", handler)))
    wanted = SimpleNamespace(__annotations__={name: annotations[name] for name in names if name in annotations})
    return get_type_hints(wanted, globalns=getattr(handler, "__globals__", None))


def explained(error: Exception, *types: Any) -> str:
    """Explain why a value does not fit: msgspec's message, and for an enum or a `Literal` the values that would.

    msgspec names the wrong value and its path, but not the right ones.

    Args:
        error: What msgspec raised.
        types: The types that the values were decoded to; the first in which the path of the error exists counts.
    """
    text = str(error)
    found = _NONE_OF_THEM.fullmatch(text)
    if found is None:
        return text
    names = (found["path"] or "").split(".")[1:]
    for each in types:
        if values := _values(msgspec.inspect.type_info(each), names):
            return f"{text}: it must be one of {', '.join(map(str, values))}"
    return text


def _values(kind: msgspec.inspect.Type, names: list[str]) -> list[Any]:
    """The values of the enum or `Literal` at a path of field names; empty where another type is."""
    match kind:
        case msgspec.inspect.UnionType():
            return [value for each in kind.types for value in _values(each, names)]
        case msgspec.inspect.StructType() if names:
            return [
                value
                for field in kind.fields
                if field.encode_name == names[0]
                for value in _values(field.type, names[1:])
            ]
        case msgspec.inspect.LiteralType() if not names:
            return list(kind.values)
        case msgspec.inspect.EnumType() if not names:
            return [member.value for member in kind.cls]
    return []
