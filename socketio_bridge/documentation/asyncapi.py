"""Namespaces as an AsyncAPI document (https://www.asyncapi.com/docs/reference/specification/v3.0.0).

The document is made from the names, docstrings and types of handlers and of the events in `Namespace.emits`. A channel
is a namespace; an operation is an event; the reply to an operation is the event's acknowledgement. A message's
`x-arguments` are the names of the event's arguments, and whether each must be given.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from types import UnionType
from typing import Any, Final, get_args

import msgspec

from socketio_bridge.events.acknowledgements import BRIDGE_CODES, Refusal
from socketio_bridge.events.arguments import annotated_types
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
    codes = sorted({code for channel in channels for code in channel.error_codes})
    types = [type_ for channel in channels for type_ in channel.types()]
    schemas, components = msgspec.json.schema_components(types, ref_template=_SCHEMAS + "{name}")
    taken = {name for channel in channels for type_ in channel.types_taken() for name in _structs(type_)}
    for name, struct in {name: struct for type_ in types for name, struct in _structs(type_).items()}.items():
        if name not in taken and name in components:
            components[name]["required"] = _fields_sent(struct)
    schema_of = dict(zip(map(repr, types), schemas, strict=True))
    document: Document = {
        "asyncapi": VERSION,
        "info": {"title": title, "version": version, "description": description},
        "defaultContentType": "application/json",
        "servers": dict(servers),
        "channels": {},
        "operations": {},
        "components": {"schemas": _described(components | _error_code(codes))},
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
        self.taken = {name: _Signature(handler, skip=1) for name, handler in namespace.handlers.items()}
        self.sent = {event.name: _Signature(event.function) for event in namespace.emits}
        self.refuses = type(namespace).on_error is Namespace.on_error
        self.failures = [] if not self.taken else [Refusal] if self.refuses else _answers(namespace.on_error)

    @property
    def error_codes(self) -> set[str]:
        """The codes with which events are refused here."""
        namespace = self.namespace
        guarded = {code for guard in namespace.guards.values() for code in guard.codes}
        own = BRIDGE_CODES if self.refuses and self.taken else ()
        return {*map(str, namespace.error_codes), *guarded, *own}

    def types(self) -> list[Any]:
        """List every type that needs a schema."""
        signatures = [*self.taken.values(), *self.sent.values()]
        arguments = [type_ for signature in signatures for type_ in signature.types.values()]
        answered = [answer for signature in signatures for answer in signature.answers]
        return [
            *self.types_taken(),
            *arguments,
            *answered,
            *self.failures,
            *self.namespace.named_types,
        ]

    def types_taken(self) -> list[Any]:
        """List the types of what clients send."""
        handshake = [] if self.namespace.handshake_type is None else [self.namespace.handshake_type]
        arguments = [type_ for signature in self.taken.values() for type_ in signature.types.values()]
        acknowledged = [answer for signature in self.sent.values() for answer in signature.answers]
        return [*handshake, *arguments, *acknowledged]

    def document(self, schema_of: Mapping[str, Document]) -> Document:
        """Make the Channel Object."""
        namespace = self.namespace
        messages: Document = {}
        for side, answer, signatures, failures in (
            ("client", "answer", self.taken, self.failures),
            ("server", "answer_of_client", self.sent, []),
        ):
            for event, signature in signatures.items():
                messages[f"{side}_{event}"] = signature.message(event, schema_of, of_types=side == "server")
                if signature.answers:
                    any_of = dict.fromkeys(map(repr, [*signature.answers, *failures]))
                    schemas = [schema_of[each] for each in any_of]
                    payload = schemas[0] if len(schemas) == 1 and side == "server" else {"oneOf": schemas}
                    messages[f"{answer}_{event}"] = _message(event, f"Acknowledges `{event}`.", payload)
        channel: Document = {
            "address": namespace.path if namespace.pattern is None else namespace.pattern.pattern,
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
        for action, side, answer, signatures in (
            ("receive", "client", "answer", self.taken),
            ("send", "server", "answer_of_client", self.sent),
        ):
            for event, signature in signatures.items():
                operation = self._operation(action, f"{side}_{event}")
                operations[f"{self.key}_{action}_{event}"] = operation
                if signature.answers:
                    operation["reply"] = {
                        "channel": operation["channel"],
                        "messages": [self._message_reference(f"{answer}_{event}")],
                    }
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


class _Signature:
    """An event's arguments and its acknowledgement, as a function declares them."""

    def __init__(self, function: Callable[..., Any], *, skip: int = 0) -> None:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
        types = annotated_types(function, [parameter.name for parameter in parameters])
        self.description = inspect.getdoc(function) or ""
        self.types = {parameter.name: types.get(parameter.name, Any) for parameter in parameters}
        self.required = [parameter.default is parameter.empty for parameter in parameters]
        self.answers = _answers(function)

    def message(self, event: str, schema_of: Mapping[str, Document], *, of_types: bool) -> Document:
        """Make the Message Object; with `of_types` its description has those of the arguments' types."""
        payload = _payload([schema_of[repr(type_)] for type_ in self.types.values()], sum(self.required))
        of_structs = [_doc(type_) for type_ in self.types.values() if of_types and hasattr(type_, "__struct_fields__")]
        message = _message(event, "\n\n".join(filter(None, [self.description, *of_structs])), payload)
        named = zip(self.types, self.required, strict=True)
        message["x-arguments"] = [{"name": name, "required": required} for name, required in named]
        return message


def _answers(handler: Callable[..., Any]) -> list[Any]:
    """List the types of what a handler may return, without None."""
    answer = annotated_types(handler, ["return"]).get("return", Any)
    alternatives = get_args(answer) if isinstance(answer, UnionType) else (answer,)
    return [alternative for alternative in alternatives if alternative is not type(None)]


def _payload(arguments: list[Document], required: int) -> Document:
    """Make the schema of an event's payload: its one argument, or an array of several."""
    if len(arguments) == 1:
        return arguments[0]
    return {"type": "array", "prefixItems": arguments, "minItems": required, "maxItems": len(arguments)}


def _message(event: str, description: str, payload: Document) -> Document:
    return {"name": event, "title": event, "description": description, "payload": payload}


def _doc(type_: Any) -> str:
    return inspect.getdoc(type_) or ""


def _structs(type_: Any) -> dict[str, msgspec.inspect.StructType]:
    """Find the Structs in a type, itself and those of its fields, by the names of their schemas."""
    found: dict[str, msgspec.inspect.StructType] = {}
    waiting: list[Any] = [msgspec.inspect.type_info(type_)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, msgspec.inspect.StructType):
            if each.cls.__name__ in found:
                continue
            found[each.cls.__name__] = each
            waiting += [field.type for field in each.fields]
        elif isinstance(each, msgspec.inspect.UnionType):
            waiting += each.types
        elif isinstance(each, msgspec.inspect.TupleType):
            waiting += each.item_types
        else:
            names = ("type", "item_type", "key_type", "value_type")  # of metadata, lists and mappings
            waiting += [part for name in names if (part := getattr(each, name, None)) is not None]
    return found


def _fields_sent(struct: msgspec.inspect.StructType) -> list[str]:
    """Name the fields that msgspec always sends. Those with a default need not be there only in what it takes."""
    omits = struct.cls.__struct_config__.omit_defaults
    # msgspec gives a field that is UNSET by default no default here, as such a field is not sent.
    fields = [
        field.encode_name
        for field in struct.fields
        if field.required
        or not (omits or (field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT))
    ]
    tag = [] if struct.tag is None else [str(struct.tag_field)]
    return [*tag, *fields]


def _error_code(codes: list[str]) -> dict[str, Document]:
    """Make the schema that `ErrorCode` refers to."""
    described = "The reason of a refusal, for programs: stable, in snake_case. New ones may come."
    return {"ErrorCode": {"title": "ErrorCode", "description": described, "enum": codes}} if codes else {}


def _described(components: Mapping[str, Document]) -> Document:
    """Sort the schemas by name, and put each description on one line."""
    for schema in components.values():
        if "description" in schema:
            schema["description"] = " ".join(schema["description"].split())
    return dict(sorted(components.items()))
