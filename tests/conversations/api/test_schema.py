"""The OpenAPI description: it is served, its pages need no other host, and the server does what it says."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given
from hypothesis.strategies import DataObject, booleans, data
from pymongo.database import Database
from pytest_django import Settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from identity import Role, issue_token

BASE = "/v1/conversations"
CALLS = {
    "/rooms": {"get", "post"},
    "/rooms/unseen": {"get"},
    "/rooms/{room_id}": {"get", "delete"},
    "/rooms/{room_id}/enable": {"put"},
    "/rooms/{room_id}/pin": {"post", "delete"},
    "/rooms/{room_id}/seen": {"put"},
    "/rooms/{room_id}/block": {"post"},
    "/messages": {"get", "post"},
    "/messages/unseen": {"get"},
    "/messages/{message_id}": {"put"},
    "/reports": {"post"},
    "/search": {"get"},
    "/sync": {"get"},
    "/uploads": {"post"},
}
OF_SOME = {"/messages/{message_id}": {"404"}, "/reports": {"404"}, "/sync": {"410"}, "/uploads": {"413"}}
IDS = {"user_id": "7", "role": "BUYER", "room_id": "7.9", "message_id": "m1"}
SIDES = {"from": "7", "to": "9", "buyer": "7", "seller": "9", "creator": "7"}
load_all_checks()
CHECKED: Any = CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The description as it is served."""
    answer = Client(SERVER_NAME="localhost").get(f"{BASE}/schema/", query_params={"format": "json"})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_every_call_is_described_with_every_answer(described: dict[str, Any]) -> None:
    assert {path.removeprefix(BASE): set(calls) for path, calls in described["paths"].items()} == CALLS
    for path, calls in described["paths"].items():
        for method, call in calls.items():
            expected = {"200", "400", "401", "403", "429", "503"} | OF_SOME.get(path.removeprefix(BASE), set())
            assert set(call["responses"]) == expected, (method, path)
            assert call["summary"] and call["operationId"] and call["security"] == [{"bearer": []}]


def test_an_answer_is_described_field_by_field(described: dict[str, Any]) -> None:
    shapes = described["components"]["schemas"]
    message = shapes["MessagePayload"]
    assert {"_id", "room_id", "from", "to", "type", "content", "is_seen", "created_at"} <= set(message["required"])
    assert {"buyer_info", "seller_last_message", "pinned_by_seller"} <= set(shapes["RoomOfSeller"]["required"])
    assert "shop" not in shapes["RoomOfSeller"]["properties"]
    assert set(shapes["Refusal"]["required"]) == {"message", "code"}


def test_descriptions_are_prose(described: dict[str, Any]) -> None:
    """Not indented as docstrings are: viewers show such paragraphs as code."""
    texts = list(descriptions_in(described))
    assert any("\n" in text for text in texts)
    assert not [text for text in texts if "\n " in text]


def descriptions_in(part: Any) -> Iterator[str]:
    """Every `description`, however deep."""
    if isinstance(part, dict):
        if isinstance(text := part.get("description"), str):
            yield text
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from descriptions_in(inner)


def test_what_may_be_left_out_is_not_required(described: dict[str, Any]) -> None:
    new_message = described["paths"][f"{BASE}/messages"]["post"]["requestBody"]["content"]["application/json"]
    assert "from" not in new_message["schema"]["required"]


def test_the_header_of_the_bare_token_is_described_where_it_is_set(settings: Settings) -> None:
    settings.AUTH_TOKEN_HEADER = "X-Access-Token"
    answer = Client(SERVER_NAME="localhost").get(f"{BASE}/schema", query_params={"format": "json"})
    schemes = answer.json()["components"]["securitySchemes"]
    assert schemes["header"] == {"type": "apiKey", "in": "header", "name": "X-Access-Token"}


def test_it_is_made_once_however_many_ask(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """To make it takes a second of a core, and nobody needs a token to ask for it."""
    settings.AUTH_TOKEN_HEADER = "X-Not-Asked-For-Yet"
    made: list[object] = []
    make = SchemaGenerator.get_schema

    def counted(*args: Any, **kwargs: Any) -> Any:
        made.append(args)
        return make(*args, **kwargs)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    ask = f"{BASE}/schema/"
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda query: Client(SERVER_NAME="localhost").get(ask, {"lang": query}), range(8)))
    assert len(made) == 1
    assert len({answer.content for answer in answers}) == 1
    known = Client(SERVER_NAME="localhost").get(ask, headers={"If-None-Match": answers[0]["ETag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_swagger_uis_files_are_served_from_here() -> None:
    client = Client(SERVER_NAME="localhost")
    page = client.get(f"{BASE}/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "https://" not in text and "http://" not in text
    assert f"{BASE}/schema/" in text or f"{BASE}/schema" in text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        path = next(part for part in text.split('"') if part.endswith(name))
        assert client.get(path).status_code == 200


@pytest.fixture
def caller(database: Database[dict[str, Any]], settings: Settings) -> dict[str, str]:
    """Buyer 7, who has a room and a message."""
    settings.API_RATE_USER = settings.API_RATE_ADDRESS = "0"
    settings.API_RATE_UPLOADS = settings.API_RATE_UPLOADS_ADDRESS = settings.API_RATE_SEARCHES = "0"
    settings.AUTH_FAILURES = settings.EVENT_RATE_COSTLY = "0"
    settings.ALLOWED_HOSTS = ["*"]
    database.cz_rooms.insert_one({"_id": "7.9", "buyer": "7", "seller": "9"})
    database.cz_messages.insert_one({"_id": "m1", "room_id": "7.9", "from": "7", "to": "9", "content": "x"})
    return {"Authorization": f"Bearer {issue_token('7', Role.BUYER, 3600)}"}


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), [(path, method) for path in CALLS for method in sorted(CALLS[path])])
def test_whatever_is_asked_the_answer_is_a_described_one(
    described: dict[str, Any], caller: dict[str, str], path: str, method: str, mode: GenerationMode
) -> None:
    """Requests made from the description, as it says (half of them with ids that exist) and against it.

    Of a WSGI application: no event loop runs beside it.
    """
    schema = schemathesis.openapi.from_dict(described)
    schema.app = get_wsgi_application()
    operation = schema[f"{BASE}{path}"][method]

    @given(data())
    @hypothesis.settings(
        max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
    )
    def ask(drawn: DataObject) -> None:
        case = drawn.draw(operation.as_strategy(generation_mode=mode))
        if drawn.draw(booleans()):
            for part, true in ((case.path_parameters, IDS), (case.query, IDS), (case.body, IDS | SIDES)):
                if isinstance(part, dict):
                    part.update({name: value for name, value in true.items() if name in part})
        case.call_and_validate(headers=caller, checks=CHECKED)

    ask()
