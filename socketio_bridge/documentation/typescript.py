"""An AsyncAPI document as types for `socket.io-client`: `Socket<ServerToClient, ClientToServer>` of each namespace.

Socket.IO's documentation, "TypeScript", has the form: an interface for each direction, a method an event, and the
acknowledgement as the last parameter. It is a parameter that must be given: of an optional one `emitWithAck` and
`timeout` know no types, and who leaves it out learns of no refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from socketio_bridge.documentation.contract import (
    BINARY,
    DocumentedEvent,
    DocumentedNamespace,
    Schema,
    alternatives,
    identifier,
    name_of,
    namespaces,
    schemas,
)

_SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_RESERVED = frozenset({"arguments", "default", "delete", "function", "in", "new", "package", "this", "typeof", "with"})


def typescript(document: Mapping[str, Any]) -> str:
    """Make a TypeScript module of a document that `asyncapi` made.

    For a namespace that `OrderEvents` handles the module has `OrderEventsClientToServer`, `OrderEventsServerToClient`
    and `OrderEventsSocket`, the type of the client's socket.
    """
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield "// Made by `manage.py socketio types --typescript`: change the Python types instead."
    yield 'import type { Socket } from "socket.io-client";'
    for name, schema in schemas(document).items():
        yield ""
        yield from _comment(schema.get("description", ""))
        if "properties" in schema:
            yield f"export interface {identifier(name)} {{"
            yield from _fields(schema, "  ")
            yield "}"
        else:
            yield f"export type {identifier(name)} = {_type(schema)};"
    for namespace in namespaces(document):
        yield from _namespace(namespace)


def _namespace(namespace: DocumentedNamespace) -> Iterator[str]:
    title = identifier(namespace.title)
    for side, events in (("ClientToServer", namespace.received), ("ServerToClient", namespace.sent)):
        yield from ("", f"export interface {title}{side} {{")
        for event in events.values():
            yield from _comment(event.description, "  ")
            yield f"  {_key(event.name)}: {_function(event)};"
        yield "}"
    yield from ("", f"/** A client's socket in {namespace.path}. */")
    yield f"export type {title}Socket = Socket<{title}ServerToClient, {title}ClientToServer>;"


def _function(event: DocumentedEvent) -> str:
    # Only the last parameters may be left out, and the acknowledgement is none of those.
    last = max((number for number, argument in enumerate(event.arguments) if argument.required), default=-1)
    last = len(event.arguments) if event.answer is not None else last
    parameters = []
    for number, argument in enumerate(event.arguments):
        kind = _type(argument.schema)
        optional = "" if argument.required or number < last else "?"
        parameters.append(f"{_parameter(argument.name)}{optional}: {kind}")
    if event.answer is not None:
        parameters.append(f"ack: {_acknowledgement(event.answer)}")
    return f"({', '.join(parameters)}) => void"


def _acknowledgement(schema: Schema) -> str:
    """The callback's type. A tuple is several arguments; where others may come in its place they are the first one."""
    several = alternatives(schema)
    tuples = [each["prefixItems"] for each in several if "prefixItems" in each]
    if not tuples:
        return f"(answer: {_type(schema)}) => void"
    firsts = [items[0] for items in tuples if items] + [each for each in several if "prefixItems" not in each]
    parameters = [f"answer1: {' | '.join(dict.fromkeys(map(_type, firsts)))}"]
    certain = 0 if len(several) > len(tuples) else min(map(len, tuples))
    for number in range(1, max(map(len, tuples))):
        kinds = [_type(items[number]) for items in tuples if number < len(items)]
        parameters.append(f"answer{number + 1}{'' if number < certain else '?'}: {' | '.join(dict.fromkeys(kinds))}")
    return f"({', '.join(parameters)}) => void"


def _fields(schema: Schema, indent: str) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        yield from _comment(field.get("description", ""), indent)
        yield f"{indent}{_key(name)}{'' if name in required else '?'}: {_type(field)};"


def _type(schema: Schema) -> str:
    several = alternatives(schema)
    if len(several) != 1 or several[0] is not schema:
        return " | ".join(dict.fromkeys(_type(each) for each in several)) or "never"
    if "$ref" in schema:
        return identifier(name_of(schema))
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if schema.get("contentEncoding") == BINARY:
        return "ArrayBuffer | Uint8Array"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(map(_type, schema['prefixItems']))}]"
        case "array":
            items = schema.get("items", {})
            return f"Array<{_type(items if isinstance(items, Mapping) else {})}>"
        case "object" if "properties" in schema:
            return "{ " + " ".join(_fields(schema, "")) + " }"
        case "object":
            values = schema.get("additionalProperties", {})
            return f"Record<string, {_type(values if isinstance(values, Mapping) else {})}>"
        case str(kind) if kind in _SIMPLE:
            return _SIMPLE[kind]
    return "unknown"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    if text:
        lines = text.replace("*/", "* /").splitlines()
        if len(lines) == 1:
            yield f"{indent}/** {lines[0]} */"
        else:
            yield f"{indent}/**"
            yield from (f"{indent} * {line}".rstrip() for line in lines)
            yield f"{indent} */"


def _key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _parameter(name: str) -> str:
    return f"{name}_" if name in _RESERVED else name
