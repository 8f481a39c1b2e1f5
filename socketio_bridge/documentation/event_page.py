"""An AsyncAPI document as a page in Markdown, for those who write a client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from socketio_bridge.documentation.contract import name_of, operations

Document = Mapping[str, Any]


def event_page(document: Document) -> str:
    """Make the page of a document that `asyncapi` made: a section for each namespace, a table for each payload."""
    return "\n".join(_Page(document).lines()) + "\n"


class _Page:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._schemas: Document = document["components"]["schemas"]

    def lines(self) -> Iterator[str]:
        info = self._document["info"]
        yield f"# {info['title']}"
        yield from _paragraph(info["description"])
        for name, server in self._document["servers"].items():
            yield from _paragraph(f"Server `{name}`: `{server['protocol']}://{server['host']}{server['pathname']}`.")
        for key, channel in self._document["channels"].items():
            yield from self._channel(key, channel)
        yield from self._shapes()

    def _channel(self, key: str, channel: Document) -> Iterator[str]:
        yield from ("", f"## Namespace `{channel['address']}`")
        yield from _paragraph(channel["description"])
        if (binding := channel.get("bindings")) is not None:
            yield from ("", "### Connecting", "", "In the query, or in Socket.IO's `auth`:")
            yield from self._fields(binding["ws"]["query"])
        for action, title in (("receive", "Clients send"), ("send", "The server sends")):
            found = operations(self._document, key, action)
            if found:
                yield from ("", f"### {title}")
            for operation in found:
                yield from self._operation(channel, operation)

    def _operation(self, channel: Document, operation: Document) -> Iterator[str]:
        message = _referenced(channel["messages"], operation["messages"][0])
        yield from ("", f"#### `{message['name']}`")
        yield from _paragraph(message["description"])
        yield from self._fields(message["payload"])
        if (reply := operation.get("reply")) is not None:
            answer = _referenced(channel["messages"], reply["messages"][0])
            yield from ("", f"Acknowledged with {self._type(answer['payload'])}.")

    def _shapes(self) -> Iterator[str]:
        yield from ("", "## Shapes")
        for name, schema in self._schemas.items():
            yield from ("", f"### {name}")
            yield from _paragraph(schema.get("description", ""))
            if "enum" in schema:
                yield from _paragraph("One of " + ", ".join(f"`{value}`" for value in schema["enum"]) + ".")
            yield from self._fields(schema)

    def _fields(self, schema: Document) -> Iterator[str]:
        """Make a table of an object's fields."""
        if "$ref" in schema:
            schema = self._schemas[name_of(schema)]
        if "properties" not in schema:
            return
        yield from ("", "| field | type | |", "| --- | --- | --- |")
        required = set(schema.get("required", ()))
        for name, field in schema["properties"].items():
            yield f"| `{name}` | {self._type(field)} | {'' if name in required else 'optional'} |"

    def _type(self, schema: Document) -> str:
        match schema:
            case {"anyOf": choices} | {"oneOf": choices}:
                return " or ".join(self._type(choice) for choice in choices)
            case {"$ref": _}:
                name = name_of(schema)
                return f"[{name}](#{name.lower()})"
            case {"enum": values}:
                return ", ".join(f"`{json.dumps(value)}`" for value in values)
            case {"const": value}:
                return f"`{json.dumps(value)}`"
            case {"type": "array", "items": dict() as items}:
                return f"list of {self._type(items)}"
            case {"type": kind}:
                return str(kind)
        return "anything"


def _referenced(messages: Document, reference: Document) -> Document:
    message: Document = messages[name_of(reference)]
    return message


def _paragraph(text: str) -> Iterator[str]:
    if text:
        yield from ("", text)
