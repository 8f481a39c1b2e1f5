"""An AsyncAPI document as types for clients in Python, such as python-socketio's.

client = cast(OrderEventsClient, socketio.AsyncClient())
answer = await client.call("follow", {"order_id": 7}, namespace="/orders")  # OrderRequest in, Following out
"""

from __future__ import annotations

import json
import keyword
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

_SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def python_types(document: Mapping[str, Any]) -> str:
    """Make a Python module of a document that `asyncapi` made.

    It has a `TypedDict` for each shape. For a namespace that `OrderEvents` handles it has `OrderEventsClient`, a
    protocol with the `emit`, `call` and `on` of python-socketio's asynchronous client, by event.
    """
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield '"""Made by `manage.py socketio types --python`: change the types of the server instead."""'
    yield from ("", "from __future__ import annotations", "")
    yield "from collections.abc import Awaitable, Callable"
    yield "from typing import Any, Literal, NotRequired, Protocol, TypeAlias, TypedDict, final, overload"
    for name, schema in schemas(document).items():
        yield from ("", "")
        if "properties" in schema:
            yield from _typed_dict(identifier(name), schema)
        else:
            yield f'{identifier(name)}: TypeAlias = "{_type(schema, quote=chr(39))}"'
    for namespace in namespaces(document):
        yield from ("", "")
        yield from _client(namespace)


def _typed_dict(name: str, schema: Schema) -> Iterator[str]:
    required = set(schema.get("required", ()))
    fields = {
        field: _type(kind) if field in required else f"NotRequired[{_type(kind)}]"
        for field, kind in schema["properties"].items()
    }
    if all(field.isidentifier() and not keyword.iskeyword(field) for field in fields):
        yield "@final"  # so that `"error" in answer` tells two shapes apart
        yield f"class {name}(TypedDict):"
        if description := schema.get("description", ""):
            yield f"    {json.dumps(description, ensure_ascii=False)}"
        yield from (f"    {field}: {kind}" for field, kind in fields.items())
        if not fields and not description:
            yield "    pass"
    else:  # names such as "from", which a class cannot have; forward references are texts there
        inside = ", ".join(f"{json.dumps(field)}: {json.dumps(kind)}" for field, kind in fields.items())
        yield f"{name} = TypedDict({json.dumps(name)}, {{{inside}}})"


def _client(namespace: DocumentedNamespace) -> Iterator[str]:
    yield f"class {identifier(namespace.title)}Client(Protocol):"
    yield f'    """A client in {namespace.path}."""'
    received = list(namespace.received.values())
    answered = [event for event in received if event.answer is not None]
    for method, events in (("emit", received), ("call", answered)):
        for event in events:
            answer = "None" if method == "emit" or event.answer is None else _type(event.answer)
            more = "timeout: int = ...," if method == "call" else "callback: Callable[..., Any] | None = ...,"
            yield from _overload(len(events))
            yield f"    async def {method}("
            name = json.dumps(event.name)
            yield f"        self, event: Literal[{name}], data: {_data(event)}, namespace: str, {more}"
            yield f"    ) -> {answer}: ..."
    for event in namespace.sent.values():
        handler = f"Callable[[{', '.join(_type(argument.schema) for argument in event.arguments)}], {_returned(event)}]"
        yield from _overload(len(namespace.sent))
        name = json.dumps(event.name)
        yield f"    def on(self, event: Literal[{name}], handler: {handler}, namespace: str) -> None: ..."
    if not received and not namespace.sent:
        yield "    pass"


def _overload(count: int) -> Iterator[str]:
    yield from ("", *(["    @overload"] if count > 1 else []))


def _data(event: DocumentedEvent) -> str:
    """The type of `data`: python-socketio takes several arguments as a tuple, and None for none."""
    types = [_type(argument.schema) for argument in event.arguments]
    least = sum(argument.required for argument in event.arguments)
    tuples = [
        types[0] if count == 1 else f"tuple[{', '.join(types[:count])}]" if count else "None"
        for count in range(least, len(types) + 1)
    ]
    return " | ".join(tuples)


def _returned(event: DocumentedEvent) -> str:
    answer = "None" if event.answer is None else _type(event.answer)
    return f"{answer} | Awaitable[{answer}]"


def _type(schema: Schema, quote: str = '"') -> str:
    several = alternatives(schema)
    if len(several) != 1 or several[0] is not schema:
        return " | ".join(dict.fromkeys(_type(each, quote) for each in several)) or "Any"
    if "$ref" in schema:
        return identifier(name_of(schema))
    if "const" in schema:
        return _literal(schema["const"], quote)
    if schema.get("contentEncoding") == BINARY:
        return "bytes"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"tuple[{', '.join(_type(item, quote) for item in schema['prefixItems']) or '()'}]"
        case "array":
            items = schema.get("items", {})
            return f"list[{_type(items if isinstance(items, Mapping) else {}, quote)}]"
        case "object":
            values = schema.get("additionalProperties", {})
            return f"dict[str, {_type(values if isinstance(values, Mapping) else {}, quote)}]"
        case str(kind) if kind in _SIMPLE:
            return _SIMPLE[kind]
    return "Any"


def _literal(value: Any, quote: str) -> str:
    if value is None:
        return "None"
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
    return f"Literal[{text.replace(chr(34), quote)}]"
