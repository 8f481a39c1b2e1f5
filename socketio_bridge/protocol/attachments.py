"""Binary among a packet's arguments: taken out before they become JSON, put back after (Socket.IO protocol 5, "Packet
encoding / Binary").

JSON carries `{"_placeholder":true,"num":n}` where binary belongs; the binary follows as attachments, in the order of
the placeholders' numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from socketio_bridge.protocol import ProtocolError

_BINARY = (bytes, bytearray, memoryview)
_OPEN = (inspect.BytesType, inspect.ByteArrayType, inspect.MemoryViewType, inspect.AnyType, inspect.CustomType)
_MARK = "_placeholder"
# Types whose values hold no binary, and what is in values of those that may: both learnt once a type.
_harmless: set[type] = {str, int, float, bool, type(None), msgspec.Raw}
_all_harmless = _harmless.issuperset
_contents: dict[type, Callable[[Any], Collection[Any]]] = {}


def holds_binary(values: Iterable[Any]) -> bool:
    """Whether there is binary anywhere in `values`.

    Dictionaries, lists and tuples are searched; Structs and dataclasses only in those fields whose declared types allow
    binary, so that a payload without such fields costs one look at its type.
    """
    for value in values:
        kind = type(value)
        if kind in _harmless:
            continue
        if kind is dict:
            contents: Collection[Any] = value.values()
        elif kind is list:
            contents = value
        elif kind in _BINARY:
            return True
        else:
            contents = (_contents.get(kind) or _learn(kind))(value)
        # Every plain payload comes by here when it is emitted: what is all numbers and strings must not need a loop.
        if not _all_harmless(map(type, contents)) and holds_binary(contents):
            return True
    return False


def take_out(arguments: Sequence[Any]) -> tuple[list[Any], list[bytes]]:
    """The arguments as JSON can hold them, with a placeholder for each piece of binary, and the binary.

    Raises `TypeError` for an argument that JSON cannot hold.
    """
    attachments: list[bytes] = []
    plain = msgspec.to_builtins(arguments, builtin_types=(*_BINARY, msgspec.Raw), str_keys=True)
    return _replace(plain, attachments), attachments


def put_back(arguments: Sequence[msgspec.Raw], attachments: Sequence[bytes]) -> list[Any]:
    """The arguments as Python values, with binary in the place of its placeholders.

    Raises `ProtocolError` for a placeholder without an attachment, or the other way round.
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
        return {_MARK: True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _replace(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(item, attachments) for item in value]
    return value


def _restore(value: Any, attachments: Sequence[bytes], missing: set[int]) -> Any:
    if isinstance(value, dict):
        if value.get(_MARK) is True:
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


def _learn(kind: type) -> Callable[[Any], Collection[Any]]:
    """Find out, and keep, where binary can be in values of a type that was not met before."""
    if issubclass(kind, dict):
        return _contents.setdefault(kind, dict.values)
    if issubclass(kind, list | tuple | set | frozenset):
        return _contents.setdefault(kind, lambda value: value)
    names = _suspects(kind)
    if not names:
        _harmless.add(kind)
    return _contents.setdefault(kind, lambda value: [getattr(value, name) for name in names])


def _suspects(kind: type) -> Sequence[str]:
    """The fields of a Struct or dataclass that may hold binary."""
    try:
        info = inspect.type_info(kind)
    except (NameError, TypeError):
        # Annotations that name what exists for type checkers only: any field may.
        return tuple(getattr(kind, "__struct_fields__", ()) or getattr(kind, "__dataclass_fields__", ()))
    if not isinstance(info, inspect.StructType | inspect.DataclassType):
        return ()
    return tuple(field.name for field in info.fields if _may_hold_binary(field.type, set()))


def _may_hold_binary(node: Any, seen: set[int]) -> bool:
    """Whether a declared type, or any that it is made of, is one of binary or says nothing of its values."""
    if isinstance(node, _OPEN):
        return True
    if isinstance(node, tuple):
        return any(_may_hold_binary(item, seen) for item in node)
    if not isinstance(node, inspect.Type | inspect.Field) or id(node) in seen:
        return False
    seen.add(id(node))
    return any(_may_hold_binary(getattr(node, name), seen) for name in node.__struct_fields__)
