"""The Postman collection that is kept in `docs/postman`: run from top to bottom on the demo, all of it succeeds."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from pymongo.database import Database
from pytest_django import Settings

from identity import Role, issue_token
from tests.conversations.api.conftest import BASE
from tests.conversations.conftest import Emitted

POSTMAN = Path(__file__).resolve().parents[3] / "docs" / "postman"
COLLECTION: dict[str, Any] = json.loads((POSTMAN / "collection.json").read_text())


def requests() -> Iterator[dict[str, Any]]:
    """All of them, from top to bottom."""
    for folder in COLLECTION["item"]:
        yield from folder["item"]


def url_of(request: dict[str, Any], variables: dict[str, str]) -> str:
    """The address that Postman would call, without the base URL."""
    values = {f":{each['key']}": each["value"] for each in request["url"]["variable"]}
    path = "/" + "/".join(values.get(part, part) for part in request["url"]["path"])
    query = "&".join(f"{each['key']}={each['value']}" for each in request["url"]["query"] if not each.get("disabled"))
    return filled_in(f"{path}?{query}" if query else path, variables)


def filled_in(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace("{{" + name + "}}", value)
    assert "{{" not in text
    return text


def test_every_request_succeeds_on_the_demo(
    database: Database[dict[str, Any]], emitted: Emitted, settings: Settings
) -> None:
    settings.API_RATE_USER = settings.API_RATE_ADDRESS = "0"
    settings.API_RATE_UPLOADS = settings.API_RATE_SEARCHES = "0"
    database.auth_user.delete_many({})
    call_command("seed_demo", stdout=io.StringIO())
    client = Client(headers={"Authorization": f"Bearer {issue_token('7', Role.BUYER, 600)}"})
    variables = {"$guid": "611c2e81-2ccb-42d8-9ddc-2d0bfa65c1b4"}
    answers = {}
    for item in requests():
        request = item["request"]
        body = request.get("body", {"mode": "none"})
        content: Any = b""
        content_type = "application/json"
        if body["mode"] == "raw":
            content = filled_in(body["raw"], variables)
        elif body["mode"] == "formdata":
            files = {each["key"]: (POSTMAN / each["src"]).read_bytes() for each in body["formdata"]}
            forms = {name: SimpleUploadedFile("picture.png", file) for name, file in files.items()}
            answer = client.post(url_of(request, variables), forms)
        if body["mode"] != "formdata":
            answer = client.generic(request["method"], url_of(request, variables), content, content_type)
        assert answer.status_code == 200, (item["name"], answer.content)
        answers[item["name"]] = answer.json()
        if "message_id" in str(item.get("event")):
            variables["message_id"] = answer.json()["_id"]
    assert answers["Search in the caller's messages"]["data"][0]["content"] == "Xin chào!"
    assert answers["Upload an image"]["width"] == 160


def test_the_examples_and_the_token_are_where_postman_looks_for_them() -> None:
    environment = json.loads((POSTMAN / "environment.json").read_text())
    assert [value["key"] for value in environment["values"]] == ["base_url", "token"]
    assert COLLECTION["info"]["schema"].endswith("/collection/v2.1.0/collection.json")
    assert COLLECTION["auth"]["bearer"][0]["value"] == "{{token}}"
    assert {folder["name"] for folder in COLLECTION["item"]} >= {"rooms", "messages", "search", "uploads"}
    assert all(item["request"]["url"]["raw"].startswith("{{base_url}}" + BASE) for item in requests())
