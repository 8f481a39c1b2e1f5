"""Binary in a packet's arguments (Socket.IO protocol 5, "Packet encoding / Binary").

JSON carries `{"_placeholder":true,"num":n}` in place of binary; the binary follows as attachments, in the order of the
placeholders' numbers. `deconstruct` and `reconstruct` are named as in socket.io-parser.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from socketio_bridge.protocol import ProtocolError

_BINARY = (bytes, bytearray, memoryview)
# Declared types that binary may be in: those of binary, and those that say nothing of their values.
_MAY_BE_BINARY = (inspect.BytesType, inspect.ByteArrayType, inspect.MemoryViewType, inspect.AnyType, inspect.CustomType)
_PLACEHOLDER = "_placeholder"
# Types whose values never hold binary. Types that are met later are added by `_inspect`.
_without_binary: set[type] = {str, int, float, bool, type(None), msgspec.Raw}
_are_without_binary = _without_binary.issuperset
# Of other types: a function that lists the parts of a value that may hold binary.
_contents: dict[type, Callable[[Any], Collection[Any]]] = {}


def holds_binary(values: Iterable[Any]) -> bool:
    """Whether there is binary anywhere in `values`.

    Dictionaries, lists and tuples are searched. Structs and dataclasses are searched only in the fields whose declared
    types allow binary: a payload without such fields costs one look at its type.
    """
    for value in values:
        kind = type(value)
        if kind in _without_binary:
            continue
        if kind is dict:
            contents: Collection[Any] = value.values()
        elif kind is list:
            contents = value
        elif kind in _BINARY:
            return True
        else:
            contents = (_contents.get(kind) or _inspect_type(kind))(value)
        # This runs for every event that is emitted: a payload of numbers and strings must cost no loop in Python.
        if not _are_without_binary(map(type, contents)) and holds_binary(contents):
            return True
    return False


def deconstruct(arguments: Sequence[Any]) -> tuple[list[Any], list[bytes]]:
    """Take the binary out of the arguments of a packet to be sent.

    Returns:
        The arguments as builtins, with a placeholder in place of each piece of binary; and the binary.

    Raises:
        TypeError: JSON cannot hold an argument.
    """
    attachments: list[bytes] = []
    plain = msgspec.to_builtins(arguments, builtin_types=(*_BINARY, msgspec.Raw), str_keys=True)
    return _replace(plain, attachments), attachments


def reconstruct(arguments: Sequence[msgspec.Raw], attachments: Sequence[bytes]) -> list[Any]:
    """Decode the arguments of a packet that came in, with its attachments in place of their placeholders.

    Args:
        arguments: Each argument's raw JSON.
        attachments: The packet's binary messages, in the order in which they came.

    Raises:
        ProtocolError: A placeholder has no attachment, or an attachment no placeholder; or an argument is not JSON.
    """
    missing = set(range(len(attachments)))
    try:
        values = [_restore(msgspec.json.decode(argument), attachments, missing) for argument in arguments]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ProtocolError(f"the packet's payload is not JSON: {error}") from error
    if missing:
        raise ProtocolError(f"no placeholder has the number {min(missing)}, of {len(attachments)} attachments")
    return values


def _replace(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, _BINARY):
        attachments.append(bytes(value))
        return {_PLACEHOLDER: True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _replace(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(item, attachments) for item in value]
    return value


def _restore(value: Any, attachments: Sequence[bytes], missing: set[int]) -> Any:
    if isinstance(value, dict):
        if value.get(_PLACEHOLDER) is True:
            number = value.get("num")
            if type(number) is not int or not 0 <= number < len(attachments):
                raise ProtocolError(f"a placeholder has the number {number!r:.40}, of {len(attachments)} attachments")
            missing.discard(number)
            return attachments[number]
        for key, item in value.items():
            value[key] = _restore(item, attachments, missing)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            value[index] = _restore(item, attachments, missing)
    return value


def _inspect_type(kind: type) -> Callable[[Any], Collection[Any]]:
    """Find out where binary can be in values of a type that was not met before, and remember it."""
    if issubclass(kind, dict):
        return _contents.setdefault(kind, dict.values)
    if issubclass(kind, list | tuple | set | frozenset):
        return _contents.setdefault(kind, lambda value: value)
    names = _fields_that_may_hold_binary(kind)
    if not names:
        _without_binary.add(kind)
    return _contents.setdefault(kind, lambda value: [getattr(value, name) for name in names])


def _fields_that_may_hold_binary(kind: type) -> Sequence[str]:
    try:
        info = inspect.type_info(kind)
    except (NameError, TypeError):
        # An annotation names a type that exists for type checkers only: any field may hold binary.
        return tuple(getattr(kind, "__struct_fields__", ()) or getattr(kind, "__dataclass_fields__", ()))
    if not isinstance(info, inspect.StructType | inspect.DataclassType):
        return ()
    return tuple(field.name for field in info.fields if _may_hold_binary(field.type, set()))


def _may_hold_binary(node: Any, seen: set[int]) -> bool:
    """Whether values of a declared type may hold binary. `seen` ends the search in types that contain themselves."""
    if isinstance(node, _MAY_BE_BINARY):
        return True
    if isinstance(node, tuple):
        return any(_may_hold_binary(item, seen) for item in node)
    if not isinstance(node, inspect.Type | inspect.Field) or id(node) in seen:
        return False
    seen.add(id(node))
    return any(_may_hold_binary(getattr(node, name), seen) for name in node.__struct_fields__)
