"""What a newer document of the events breaks for clients that were written to an older one.

A client sends what the older document says: the server must still take it. It reads what the older document says:
the server must still send it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from socketio_bridge.documentation.contract import (
    DocumentedEvent,
    DocumentedNamespace,
    Schema,
    alternatives,
    name_of,
    namespaces,
    schemas,
)

_GROWS = frozenset({"ErrorCode"})
"""Lists that grow by their nature: clients know that new values may come."""


class _Side(NamedTuple):
    """A schema, those that it may refer to, and by which name it was referred to."""

    schema: Schema
    named: Mapping[str, Schema]
    name: str = ""

    def of(self, schema: Schema) -> _Side:
        """A part of it."""
        return _Side(schema, self.named)


def breaking_changes(older: Mapping[str, Any], newer: Mapping[str, Any]) -> list[str]:
    """Compare two documents that `asyncapi` made.

    Args:
        older: What clients were written to.
        newer: What the server speaks now.

    Returns:
        A sentence for each change by which such a client would fail; empty where there is none.
    """
    found = {namespace.path: namespace for namespace in namespaces(newer)}
    old, new = schemas(older), schemas(newer)
    changes: list[str] = []
    for namespace in namespaces(older):
        if namespace.path not in found:
            changes.append(f"{namespace.path}: the namespace is gone")
        else:
            changes += _of_namespace(namespace, found[namespace.path], old, new)
    return list(dict.fromkeys(changes))


def _of_namespace(
    older: DocumentedNamespace, newer: DocumentedNamespace, old: Mapping[str, Schema], new: Mapping[str, Schema]
) -> Iterator[str]:
    for side, before, after in (
        ("clients send", older.received, newer.received),
        ("the server sends", older.sent, newer.sent),
    ):
        sent = side == "the server sends"
        for name, event in before.items():
            where = f"{older.path}: {name!r}, which {side},"
            if name not in after:
                yield f"{where} is gone"
                continue
            yield from (f"{where} {change}" for change in _of_arguments(event, after[name], old, new, sent=sent))
            yield from (f"{where} {change}" for change in _of_answer(event, after[name], old, new, sent=sent))


def _of_arguments(
    before: DocumentedEvent, after: DocumentedEvent, old: Mapping[str, Schema], new: Mapping[str, Schema], *, sent: bool
) -> Iterator[str]:
    for number, argument in enumerate(before.arguments):
        if number >= len(after.arguments):
            yield f"has no argument {argument.name!r} any more"
            continue
        now = after.arguments[number]
        if argument.required != now.required and argument.required == sent:
            yield f"may come without {argument.name!r}" if sent else f"needs {now.name!r}"
        older, newer = _Side(argument.schema, old), _Side(now.schema, new)
        wide, narrow = (older, newer) if sent else (newer, older)
        yield from _misfits(narrow, wide, argument.name, newer_is_narrow=sent)
    for argument in after.arguments[len(before.arguments) :]:
        if argument.required and not sent:
            yield f"needs {argument.name!r}"


def _of_answer(
    before: DocumentedEvent, after: DocumentedEvent, old: Mapping[str, Schema], new: Mapping[str, Schema], *, sent: bool
) -> Iterator[str]:
    if before.answer is None:
        if sent and after.answer is not None:
            yield "wants an acknowledgement"
        return
    if after.answer is None:
        if not sent:
            yield "has no answer any more"
        return
    older, newer = _Side(before.answer, old), _Side(after.answer, new)
    wide, narrow = (newer, older) if sent else (older, newer)
    yield from _misfits(narrow, wide, "its answer", newer_is_narrow=not sent)


def _misfits(
    narrow: _Side, wide: _Side, where: str, *, newer_is_narrow: bool, seen: frozenset[tuple[str, str]] = frozenset()
) -> Iterator[str]:
    """Say what of `narrow`, which is sent, does not fit `wide`, which is expected."""
    offered, taken = _resolved(narrow), _resolved(wide)
    if any(not side.schema.keys() - {"description", "title"} for side in taken):
        return  # anything is taken
    for each in offered:
        if each.name in _GROWS:
            continue
        same = [other for other in taken if each.name and other.name == each.name]
        candidates = same or taken
        problems = [
            list(_misfit(each, other, where, newer_is_narrow, seen | {(each.name, other.name)}))
            for other in candidates
            if not each.name or (each.name, other.name) not in seen
        ]
        if len(problems) < len(candidates):
            continue  # a shape within itself, which is being compared
        if all(problems):
            fewest = min(problems, key=len)
            if len(candidates) == 1 or _is_object(each):
                yield from fewest
            else:
                kind = _shown(each.schema)
                yield f"may now have {kind} as {where}" if newer_is_narrow else f"takes no {kind} as {where} any more"


def _misfit(
    narrow: _Side, wide: _Side, where: str, newer_is_narrow: bool, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    offered, taken = narrow.schema, wide.schema
    if "const" in taken or not _same_kind(offered, taken):
        if offered.get("const", offered) != taken.get("const", taken):
            before, now = (taken, offered) if newer_is_narrow else (offered, taken)
            yield f"has {_shown(now)} as {where}, where it was {_shown(before)}"
        return
    if _is_object(narrow) and "properties" in taken:
        yield from _object_misfit(narrow, wide, where, newer_is_narrow, seen)
        return
    parts: list[tuple[Any, Any, str]] = []
    if "prefixItems" in offered and "prefixItems" in taken:
        if len(offered["prefixItems"]) != len(taken["prefixItems"]):
            yield f"has another number of values as {where}"
        pairs = enumerate(zip(offered["prefixItems"], taken["prefixItems"], strict=False), 1)
        parts += [(one, other, f"value {number} of {where}") for number, (one, other) in pairs]
    for key in ("items", "additionalProperties"):
        parts.append((offered.get(key), taken.get(key), f"each of {where}"))
    for one, other, place in parts:
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            pair = narrow.of(one), wide.of(other)
            yield from _misfits(*pair, place, newer_is_narrow=newer_is_narrow, seen=seen)


def _object_misfit(
    narrow: _Side, wide: _Side, where: str, newer_is_narrow: bool, seen: frozenset[tuple[str, str]]
) -> Iterator[str]:
    offered, taken = narrow.schema.get("properties", {}), wide.schema["properties"]
    older, newer = (taken, offered) if newer_is_narrow else (offered, taken)
    for field in older:
        if field not in newer:
            yield f"has no field {field!r} in {where} any more"
    for field in wide.schema.get("required", ()):
        if field not in narrow.schema.get("required", ()) and (field in newer):
            yield (
                f"may come without the field {field!r} in {where}"
                if newer_is_narrow
                else (f"needs the field {field!r} in {where}")
            )
    for field in taken:
        if field in offered:
            parts = narrow.of(offered[field]), wide.of(taken[field])
            yield from _misfits(*parts, f"{field!r} of {where}", newer_is_narrow=newer_is_narrow, seen=seen)


def _resolved(side: _Side) -> list[_Side]:
    """The alternatives of a schema, with what they refer to in place of references."""
    found: list[_Side] = []
    for schema in alternatives(side.schema):
        if "$ref" in schema:
            name = name_of(schema)
            found += [each._replace(name=each.name or name) for each in _resolved(side.of(side.named[name]))]
        else:
            found.append(side.of(schema))
    return found


def _is_object(side: _Side) -> bool:
    return side.schema.get("type") == "object"


def _same_kind(offered: Schema, taken: Schema) -> bool:
    if "const" in offered:
        return "const" not in taken and taken.get("type") == _kind(offered["const"])
    kinds = offered.get("type"), taken.get("type")
    return kinds[0] == kinds[1] or kinds == ("integer", "number")


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
    return "null"


def _shown(schema: Schema) -> str:
    return repr(schema["const"]) if "const" in schema else str(schema.get("title", schema.get("type", "anything")))
