"""What a document of `asyncapi` says, event by event: for pages, for types of clients, and to compare documents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]

BINARY = "base64"
"""The `contentEncoding` of what is binary in Python; Socket.IO sends it as it is."""


class Argument(NamedTuple):
    """An argument of an event; `required`: it must be given."""

    name: str
    schema: Schema
    required: bool


class DocumentedEvent(NamedTuple):
    """An event; `answer` is the schema of its acknowledgement, None where it has none."""

    name: str
    description: str
    arguments: list[Argument]
    answer: Schema | None


class DocumentedNamespace(NamedTuple):
    """A namespace: what clients send there, and what the server sends, by the event's name."""

    title: str
    path: str
    received: dict[str, DocumentedEvent]
    sent: dict[str, DocumentedEvent]


def schemas(document: Mapping[str, Any]) -> dict[str, Schema]:
    """The schemas of a document, by name."""
    named: dict[str, Schema] = document["components"]["schemas"]
    return named


def namespaces(document: Mapping[str, Any]) -> list[DocumentedNamespace]:
    """The namespaces of a document, in its order."""
    return [
        DocumentedNamespace(
            channel["title"],
            channel["address"],
            {event.name: event for event in _events(document, key, channel, "receive")},
            {event.name: event for event in _events(document, key, channel, "send")},
        )
        for key, channel in document["channels"].items()
    ]


def operations(document: Mapping[str, Any], channel: str, action: str) -> list[Mapping[str, Any]]:
    """The operations of a channel, by its key in the document: those that the server does "receive", or "send"."""
    return [
        operation
        for operation in document["operations"].values()
        if operation["action"] == action and operation["channel"]["$ref"] == f"#/channels/{channel}"
    ]


def name_of(reference: Schema) -> str:
    """The name that a `$ref` points to."""
    return str(reference["$ref"]).rpartition("/")[2]


def identifier(name: str) -> str:
    """A schema's name, or a namespace's title, as the name of a type in a programming language."""
    return re.sub(r"\W", "_", name)


def alternatives(schema: Schema) -> list[Schema]:
    """The schemas of which one must fit; most have but themselves."""
    several = schema.get("anyOf", schema.get("oneOf"))
    if several is not None:
        return [each for alternative in several for each in alternatives(alternative)]
    if "enum" in schema:
        return [{"const": value} for value in schema["enum"]]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return [schema]


def _events(
    document: Mapping[str, Any], key: str, channel: Mapping[str, Any], action: str
) -> Iterator[DocumentedEvent]:
    for operation in operations(document, key, action):
        message = channel["messages"][name_of(operation["messages"][0])]
        reply = operation.get("reply")
        answer = None if reply is None else channel["messages"][name_of(reply["messages"][0])]["payload"]
        yield DocumentedEvent(message["name"], message["description"], _arguments(message), answer)


def _arguments(message: Mapping[str, Any]) -> list[Argument]:
    payload: Schema = message["payload"]
    several = payload.get("prefixItems") if payload.get("type") == "array" else None
    items = [payload] if several is None else several
    # Documents of earlier versions do not name the arguments.
    unnamed = [{"name": f"argument{number}", "required": True} for number, _ in enumerate(items, 1)]
    named = message.get("x-arguments", unnamed)
    if len(named) != len(items):  # one argument, which is a tuple
        items = [payload]
    return [Argument(each["name"], item, each["required"]) for each, item in zip(named, items, strict=True)]
