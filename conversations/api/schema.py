"""The OpenAPI description of this API, made by drf-spectacular from each `operation`.

msgspec writes the schemas of the Structs that requests and answers are; nothing is described a second time.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from msgspec import Struct

from conversations.api.refusals import Refusal
from conversations.payloads import RoomOfBuyer, RoomOfSeller
from identity.configuration import IdentitySettings

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_OF_EVERY_CALL = {
    HTTPStatus.BAD_REQUEST: "What was asked is not valid, or there is no such room",
    HTTPStatus.UNAUTHORIZED: "There is no token, or it is not valid",
    HTTPStatus.FORBIDDEN: "The caller may not do this",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests of this user or address",
    HTTPStatus.SERVICE_UNAVAILABLE: "A store or the identity provider does not answer",
}
_OF_SOME = {
    HTTPStatus.NOT_FOUND: "What was named does not exist, as far as the caller may know",
    HTTPStatus.GONE: "What is asked for is too old: load everything anew",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The file has too many bytes",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What `operation` keeps of a handler.

    Attributes:
        summary: A few words.
        description: The handler's docstring.
        asks: The Struct of the request.
        answers: The Struct of the answer.
        filled_in: Fields of the request that are the caller's id where it leaves them out.
        errors: HTTP statuses besides those of every call.
    """

    summary: str
    description: str
    asks: type[Struct]
    answers: Any
    filled_in: tuple[str, ...]
    errors: tuple[int, ...]


class StructSchema(AutoSchema):
    """Describes an endpoint's methods, which `operation` made."""

    view: Any

    @property
    def operation(self) -> Operation:
        """The `Operation` of the method."""
        described: Operation = getattr(self.view, self.method.lower()).operation
        return described

    def get_operation_id(self) -> str:
        """Names such as getRooms, postRooms, putRoomEnable."""
        return f"{self.method.lower()}{type(self.view).__name__}"

    def get_summary(self) -> str:
        """The operation's summary."""
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it
        """The handler's docstring."""
        return self.operation.description

    def get_tags(self) -> list[str]:
        """The part of the API that the call belongs to: that of its module."""
        return [type(self.view).__module__.rpartition(".")[2]]

    def get_auth(self) -> list[dict[str, Any]]:
        """A Bearer token, or the bare one in its header, where there is such a header."""
        kinds: dict[str, Schema] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
        if header := IdentitySettings.current().AUTH_TOKEN_HEADER:
            kinds["header"] = {"type": "apiKey", "in": "header", "name": header}
        for name, definition in kinds.items():
            self._register(name, definition, ResolvedComponent.SECURITY_SCHEMA)
        return [{name: []} for name in kinds]

    def get_override_parameters(self) -> list[Any]:
        """Path and query; and how long to wait where that is answered."""
        wait = OpenApiParameter(
            "Retry-After",
            {"type": "integer"},
            OpenApiParameter.HEADER,
            description="Seconds after which to try again",
            response=[HTTPStatus.TOO_MANY_REQUESTS.value, HTTPStatus.SERVICE_UNAVAILABLE.value],
        )
        return [*self._in_path(), *self._in_query(), wait]

    def _in_path(self) -> list[OpenApiParameter]:
        names = [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]
        schema = {"type": "string", "minLength": 1}
        return [OpenApiParameter(name, schema, OpenApiParameter.PATH) for name in names]

    def _in_query(self) -> list[OpenApiParameter]:
        if self.method not in ("GET", "DELETE"):
            return []
        schema = self._schema_of(self.operation.asks)
        return [
            OpenApiParameter(name, _in_words(of_field), required=name in schema["required"])
            for name, of_field in schema["properties"].items()
        ]

    def get_request_serializer(self) -> Any:
        """The body."""
        schema = self._schema_of(self.operation.asks)
        return {self.view.parser_classes[0].media_type: schema} if schema["properties"] else None

    def get_response_serializers(self) -> Any:
        """The answer, and every refusal."""
        answers = {int(HTTPStatus.OK): OpenApiResponse(self._reference(self.operation.answers), "Done")}
        reasons = _OF_EVERY_CALL | {status: _OF_SOME[HTTPStatus(status)] for status in self.operation.errors}
        for status, reason in sorted(reasons.items()):
            answers[int(status)] = OpenApiResponse(self._reference(Refusal), reason)
        return answers

    def _schema_of(self, asks: type[Struct]) -> Schema:
        """The schema of what is asked, without requiring what is filled in."""
        _, components = _schemas_of([asks])
        schema: Schema = components.pop(asks.__name__)
        for name, component in components.items():
            self._register(name, component)
        required = [name for name in schema["required"] if name not in self.operation.filled_in]
        return {**schema, "required": required}

    def _reference(self, answer: type[Struct]) -> Schema:
        (reference, *_), components = _schemas_of([answer, RoomOfBuyer, RoomOfSeller])
        for name, component in components.items():
            self._register(name, component)
        return reference

    def _register(self, name: str, schema: Schema, kind: Any = ResolvedComponent.SCHEMA) -> None:
        component = ResolvedComponent(name=name, type=kind, schema=schema, object=name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(component)


def _schemas_of(types: list[type[Struct]]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
    """References to types, and the schemas by name. Docstrings lose their indentation, which is code in Markdown."""
    references, components = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return references, components


def _in_words(schema: Schema) -> Schema:
    """A field's schema in a query, where a field is left out and never null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    if not kinds:
        return rest
    return {**rest, **kinds[0]} if len(kinds) == 1 else {**rest, "anyOf": kinds}


def without_slashes(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """One path of the two that each address has (drf-spectacular's PREPROCESSING_HOOKS)."""
    return [(path.rstrip("/"), regex, method, view) for path, regex, method, view in endpoints]
