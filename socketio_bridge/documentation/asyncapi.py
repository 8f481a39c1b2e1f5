"""Namespaces as an AsyncAPI document (https://www.asyncapi.com/docs/reference/specification/v3.0.0).

The document is made from the handlers' names, docstrings and types, and from `Namespace.emits`. A channel is a
namespace; an operation is an event; the reply to an operation is the event's acknowledgement.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Final, get_args

import msgspec

from socketio_bridge.arguments import annotated_types
from socketio_bridge.namespace import Namespace

Document = dict[str, Any]

VERSION: Final = "3.0.0"
_SCHEMAS: Final = "#/components/schemas/"


def asyncapi(
    namespaces: Iterable[Namespace], *, title: str, version: str, description: str = "", servers: Mapping[str, Document]
) -> Document:
    """Describe namespaces as an AsyncAPI document.

    Args:
        namespaces: The namespaces.
        title: The title of what is described.
        version: Its version.
        description: What it is, in Markdown.
        servers: Server Objects by name, with `host`, `protocol` and `pathname`.

    Returns:
        The document, of what JSON can hold.

    Raises:
        TypeError: msgspec cannot make a JSON schema of a type.
    """
    channels = [_Channel(namespace) for namespace in namespaces]
    types = [type_ for channel in channels for type_ in channel.types()]
    schemas, components = msgspec.json.schema_components(types, ref_template=_SCHEMAS + "{name}")
    schema_of = dict(zip(map(repr, types), schemas, strict=True))
    document: Document = {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version, "description": description},
        "defaultContentType": "application/json",
        "servers": dict(servers),
        "channels": {},
        "operations": {},
        "components": {"schemas": _described(components)},
    }
    for channel in channels:
        document["channels"][channel.key] = channel.document(schema_of)
        document["operations"] |= channel.operations()
    return document


class _Channel:
    """A namespace in the document."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.key = _key(type(namespace).__name__)
        self.answers = {name: _answers(handler) for name, handler in namespace.handlers.items()}
        self.failures = _answers(namespace.on_error)

    def types(self) -> list[Any]:
        """List every type that needs a schema."""
        taken = [type_ for handler in self.namespace.handlers.values() for type_ in _arguments(handler)]
        answered = [answer for answers in self.answers.values() for answer in answers]
        handshake = [] if self.namespace.handshake_type is None else [self.namespace.handshake_type]
        return [
            *handshake,
            *taken,
            *answered,
            *self.failures,
            *self.namespace.emits.values(),
            *self.namespace.named_types,
        ]

    def document(self, schema_of: Mapping[str, Document]) -> Document:
        """Make the Channel Object."""
        namespace = self.namespace
        messages: Document = {}
        for event, handler in namespace.handlers.items():
            payload = _payload([schema_of[repr(type_)] for type_ in _arguments(handler)])
            messages[f"client_{event}"] = _message(event, inspect.getdoc(handler) or "", payload)
            if answers := self.answers[event]:
                any_of = dict.fromkeys(map(repr, [*answers, *self.failures]))
                payload = {"oneOf": [schema_of[answer] for answer in any_of]}
                messages[f"answer_{event}"] = _message(event, f"Acknowledges `{event}`.", payload)
        for event, type_ in namespace.emits.items():
            messages[f"server_{event}"] = _message(event, _doc(type_), schema_of[repr(type_)])
        channel: Document = {
            "address": namespace.path,
            "title": type(namespace).__name__,
            "description": _doc(type(namespace)),
            "messages": messages,
        }
        if namespace.handshake_type is not None:
            channel["bindings"] = {"ws": {"query": schema_of[repr(namespace.handshake_type)]}}
        return channel

    def operations(self) -> Document:
        """Make the Operation Objects: the events that the server receives, and those that it sends."""
        operations: Document = {}
        for event in self.namespace.handlers:
            operations[f"{self.key}_receive_{event}"] = operation = self._operation("receive", f"client_{event}")
            if self.answers[event]:
                operation["reply"] = {
                    "channel": operation["channel"],
                    "messages": [self._message_reference(f"answer_{event}")],
                }
        for event in self.namespace.emits:
            operations[f"{self.key}_send_{event}"] = self._operation("send", f"server_{event}")
        return operations

    def _operation(self, action: str, message: str) -> Document:
        return {
            "action": action,
            "channel": {"$ref": f"#/channels/{self.key}"},
            "messages": [self._message_reference(message)],
        }

    def _message_reference(self, message: str) -> Document:
        return {"$ref": f"#/channels/{self.key}/messages/{message}"}


def _key(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()


def _arguments(handler: Callable[..., Any]) -> list[Any]:
    names = [parameter.name for parameter in inspect.signature(handler).parameters.values()][1:]
    types = annotated_types(handler, names)
    return [types.get(name, Any) for name in names]


def _answers(handler: Callable[..., Any]) -> list[Any]:
    """List the types of what a handler may return, without None."""
    answer = annotated_types(handler, ["return"]).get("return", Any)
    alternatives = get_args(answer) if isinstance(answer, UnionType) else (answer,)
    return [alternative for alternative in alternatives if alternative is not type(None)]


def _payload(arguments: list[Document]) -> Document:
    """Make the schema of an event's payload: its one argument, or an array of several."""
    if len(arguments) == 1:
        return arguments[0]
    return {"type": "array", "prefixItems": arguments, "minItems": len(arguments), "maxItems": len(arguments)}


def _message(event: str, description: str, payload: Document) -> Document:
    return {"name": event, "title": event, "description": description, "payload": payload}


def _doc(type_: Any) -> str:
    return inspect.getdoc(type_) or ""


def _described(components: Mapping[str, Document]) -> Document:
    """Sort the schemas by name, and put each description on one line."""
    for schema in components.values():
        if "description" in schema:
            schema["description"] = " ".join(schema["description"].split())
    return dict(sorted(components.items()))
