"""Who may call, and what every call says to those who may not: contract sections 4 and 7."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pytest_django import Settings

from identity import Role
from tests.conversations.api.conftest import App
from tests.conversations.conftest import Emitted

ROOM = "7.9"
NEW_MESSAGE = {"room_id": ROOM, "to": "9", "type": "TEXT", "content": "hello"}
NEW_ROOM = {"type": "BS", "buyer": "7", "seller": "9", "shop_id": "3"}

# Every call, made rightly by buyer 7: method, path, body, query.
CALLS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("GET", "/rooms", None, {}),
    ("POST", "/rooms", NEW_ROOM, {}),
    ("GET", "/rooms/unseen", None, {}),
    ("GET", f"/rooms/{ROOM}", None, {}),
    ("PUT", f"/rooms/{ROOM}/enable", {}, {}),
    ("POST", f"/rooms/{ROOM}/pin", {}, {}),
    ("DELETE", f"/rooms/{ROOM}/pin", None, {}),
    ("PUT", f"/rooms/{ROOM}/seen", {}, {}),
    ("DELETE", f"/rooms/{ROOM}", None, {}),
    ("POST", f"/rooms/{ROOM}/block", {"block": True}, {}),
    ("GET", "/messages", None, {"room_id": ROOM}),
    ("POST", "/messages", NEW_MESSAGE, {}),
    ("PUT", "/messages/m1", {"content": "changed"}, {}),
    ("GET", "/messages/unseen", None, {"room_id": ROOM}),
]
IN_A_ROOM = [call for call in CALLS if ROOM in call[1] or call[3] or call[2] is NEW_MESSAGE]
ids = [f"{method} {path}" for method, path, _, _ in CALLS]
every_call = pytest.mark.parametrize(("method", "path", "body", "query"), CALLS, ids=ids)
every_call_in_a_room = pytest.mark.parametrize(("method", "path", "body", "query"), IN_A_ROOM)


@pytest.fixture(autouse=True)
def message(database: Database[dict[str, Any]], room: str) -> None:
    """One message of buyer 7 in the room."""
    sent = {"_id": "m1", "room_id": room, "from": "7", "to": "9", "type": "TEXT", "content": "hi"}
    database.cz_messages.insert_one(sent)


@every_call
@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_caller_gets_an_answer_with_or_without_a_slash_at_the_end(
    buyer_app: App, method: str, path: str, body: Any, query: dict[str, Any], slash: str
) -> None:
    answer = await buyer_app.call(method, path + slash, body, **query)
    assert answer.status == 200, answer.body


@every_call
async def test_saying_who_one_is_is_allowed(
    buyer_app: App, method: str, path: str, body: Any, query: dict[str, Any]
) -> None:
    """In the query or in the body, the id as a number too, as old clients do."""
    answer = await buyer_app.call(method, path, body, user_id="7", role="BUYER", **query)
    assert answer.status == 200, answer.body
    if body is not None:
        answer = await buyer_app.call(method, path, {**body, "user_id": 7, "role": "BUYER"}, **query)
        assert answer.status == 200, answer.body


@every_call
@pytest.mark.parametrize(
    ("says", "status", "code"),
    [
        ({"user_id": "9"}, 403, "user_mismatch"),
        ({"role": "SELLER"}, 403, "role_not_allowed"),
        ({"role": "buyer"}, 400, "validation_failed"),
    ],
)
async def test_saying_to_be_somebody_else_is_refused(
    api: Emitted, buyer_app: App, method: str, path: str, body: Any, query: dict[str, Any],
    says: dict[str, str], status: int, code: str,
) -> None:  # fmt: skip
    answer = await buyer_app.call(method, path, body, **query, **says)
    assert (answer.status, answer.body["status"], answer.body["code"]) == (status, False, code)
    assert answer.body["message"]
    assert api.all == []


@pytest.mark.parametrize(
    ("method", "path", "body", "query"), [call for call in IN_A_ROOM if call[2] is not NEW_MESSAGE]
)
async def test_the_other_side_of_the_room_is_not_ones_own(
    api: Emitted, database: Database[dict[str, Any]], room: str, method: str, path: str, body: Any,
    query: dict[str, Any],
) -> None:  # fmt: skip
    """A token for both roles does not make a buyer the seller of that room."""
    answer = await App("7").call(method, path, body, role="SELLER", **query)
    assert (answer.status, answer.body["code"]) == (403, "role_mismatch")
    assert api.all == []


@every_call_in_a_room
async def test_a_room_of_others_is_closed(
    api: Emitted, database: Database[dict[str, Any]], stranger_app: App, method: str, path: str, body: Any,
    query: dict[str, Any],
) -> None:  # fmt: skip
    before = database.cz_rooms.find_one()
    answer = await stranger_app.call(method, path, body, **query)
    assert (answer.status, answer.body["code"]) == (403, "not_a_member")
    assert database.cz_rooms.find_one() == before
    assert api.all == []


@every_call_in_a_room
async def test_a_room_that_does_not_exist_is_bad_input(
    buyer_app: App, method: str, path: str, body: Any, query: dict[str, Any]
) -> None:
    elsewhere = {**(body or {}), "room_id": "7.404"} if body is NEW_MESSAGE else body
    query = dict.fromkeys(query, "7.404")
    answer = await buyer_app.call(method, path.replace(ROOM, "7.404"), elsewhere, **query)
    assert (answer.status, answer.body["code"]) == (400, "room_not_found")


@every_call
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token_missing"),
        ({"Authorization": "Basic Nzo5"}, "token_missing"),
        ({"Authorization": "Bearer"}, "token_missing"),
        ({"Authorization": "Bearer nonsense"}, "token_invalid"),
        ({"Authorization": "Bearer " + jwt.encode({"sub": "7", "exp": 1}, "x" * 32)}, "token_invalid"),
    ],
)
async def test_without_a_good_token_nothing_is_answered(
    api: Emitted, method: str, path: str, body: Any, query: dict[str, Any], headers: dict[str, str], code: str
) -> None:
    app = App("7", Role.BUYER)
    app.headers = headers
    answer = await app.call(method, path, body, **query)
    assert (answer.status, answer.body["status"], answer.body["code"]) == (401, False, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert api.all == []


async def test_an_expired_token_says_so(api: Emitted, settings: Settings) -> None:
    settings.AUTH_JWT_KEY = "a secret that is long enough to sign with"
    app = App("7")
    app.headers = {"Authorization": "Bearer " + jwt.encode({"sub": "7", "exp": time.time() - 5}, settings.AUTH_JWT_KEY)}
    answer = await app.get("/rooms")
    assert (answer.status, answer.body["code"]) == (401, "token_expired")


async def test_the_bare_token_comes_in_the_header_that_is_set(api: Emitted, settings: Settings) -> None:
    app = App("7", Role.BUYER)
    bare = app.headers["Authorization"].removeprefix("Bearer ")
    app.headers = {"X-Access-Token": bare}
    assert (await app.get("/rooms")).status == 401
    settings.AUTH_TOKEN_HEADER = "X-Access-Token"
    assert (await app.get("/rooms")).status == 200
    settings.AUTH_TOKEN_HEADER = "Authorization"
    app.headers = {"Authorization": bare}
    assert (await app.get("/rooms")).status == 200


async def test_who_cannot_be_verified_now_is_asked_to_come_back(api: Emitted, settings: Settings) -> None:
    app = App("7")
    settings.AUTH_INTROSPECTION_URL = "http://127.0.0.1:1/introspect"
    app.headers = {"Authorization": "Bearer opaque"}
    answer = await app.get("/rooms")
    assert (answer.status, answer.body["code"]) == (503, "identity_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("user_id", ["7", None])
async def test_in_report_mode_who_cannot_prove_it_is_let_pass_as_whom_they_claim(
    database: Database[dict[str, Any]], settings: Settings, user_id: str | None
) -> None:
    """In the query or the body; without a claim, as whom the token names. Rules about rooms hold."""
    app = App("7")
    app.headers = {"Authorization": "Bearer " + jwt.encode({"sub": "7", "exp": 1}, "x" * 32)}
    claim = {} if user_id is None else {"user_id": user_id}
    assert (await app.get("/rooms", role="BUYER", **claim)).status == 401
    settings.AUTH_MODE = "report"
    answer = await app.get("/rooms", role="BUYER", **claim)
    assert (answer.status, len(answer.body["rooms"])) == (200, 1)
    assert (await app.post("/rooms/7.9/pin", {**claim, "role": "BUYER"})).status == 200
    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9"})
    assert (await app.get("/rooms/8.9", **claim)).status == 403
    app.headers = {}
    assert (await app.get("/rooms", role="BUYER", **claim)).status == 401


async def test_in_report_mode_a_role_that_the_token_does_not_allow_passes(api: Emitted, settings: Settings) -> None:
    settings.AUTH_MODE = "report"
    assert (await App("9", Role.BUYER).get("/rooms", role="SELLER")).status == 200
    settings.AUTH_JWT_KEY = "a secret that is long enough to sign with"
    app = App("9")
    claims = {"sub": "9", "role": "ADMIN", "exp": time.time() + 60}
    app.headers = {"Authorization": "Bearer " + jwt.encode(claims, settings.AUTH_JWT_KEY)}
    assert (await app.get("/rooms", role="SELLER")).status == 200
    settings.AUTH_MODE = "enforce"
    answer = await app.get("/rooms", role="SELLER")
    assert (answer.status, answer.body["code"]) == (403, "role_not_allowed")


async def test_a_token_for_both_roles_must_say_whose_rooms(api: Emitted, room: str) -> None:
    app = App("9")
    for path in ("/rooms", "/rooms/unseen"):
        answer = await app.get(path)
        assert (answer.status, answer.body["code"]) == (400, "validation_failed")
        assert (await app.get(path, role="SELLER")).status == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b'{"a":NaN}', b"null"])
async def test_a_body_that_is_no_json_object_is_refused(buyer_app: App, body: bytes) -> None:
    for path in ("/rooms", "/messages", "/rooms/7.9/pin"):
        answer = await buyer_app.post(path, body)
        assert (answer.status, answer.body["code"]) == (400, "validation_failed")


async def test_a_body_larger_than_any_should_be_is_refused(buyer_app: App, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = await buyer_app.post("/messages", {**NEW_MESSAGE, "content": "x" * 1000})
    assert (answer.status, answer.body["code"]) == (400, "validation_failed")


async def test_half_a_surrogate_pair_is_refused_and_the_answer_can_be_read(buyer_app: App) -> None:
    for field in ("content", "room_id", "to", "type", "user_id", "role"):
        body = b'{"room_id":"7.9","to":"9","type":"TEXT","content":"x","%s":"\\ud800"}' % field.encode()
        answer = await buyer_app.post("/messages", body)
        assert answer.status in (400, 403), field


async def test_another_media_type_is_refused(buyer_app: App) -> None:
    client = buyer_app.client
    answer = await client.post("/v1/conversations/rooms", {"buyer": "7"}, headers=buyer_app.headers)
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_media_type"
    assert answer.json()["message"] == "the body must be sent as application/json"


async def test_who_sends_what_is_none_of_several_is_told_which_these_are(buyer_app: App) -> None:
    answer = await buyer_app.post("/messages", {**NEW_MESSAGE, "type": "VIDEO"})
    assert "'VIDEO' - at `$.type`: it must be one of EMOJI, IMAGE, TEXT" in answer.body["message"]


async def test_whatever_a_client_accepts_it_gets_json(buyer_app: App) -> None:
    buyer_app.headers["Accept"] = "text/html"
    assert (await buyer_app.get("/rooms")).status == 200


async def test_what_is_not_there_is_404_and_what_is_not_done_there_405(buyer_app: App) -> None:
    answer = await buyer_app.get("/nothing/here")
    assert (answer.status, answer.body["code"]) == (404, "not_found")
    answer = await buyer_app.put("/rooms")
    assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")
    assert answer.headers["Allow"]


async def test_a_store_that_is_away_is_503_and_a_defect_500(
    buyer_app: App, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pymongo.errors import AutoReconnect

    from conversations import services

    def away(*_: Any, **__: Any) -> None:
        raise AutoReconnect("gone")

    with monkeypatch.context() as outage:
        outage.setattr(Collection, "find", away)
        answer = await buyer_app.get("/rooms")
    assert (answer.status, answer.body["code"]) == (503, "store_unavailable")
    monkeypatch.setattr(services, "list_rooms", None)
    answer = await buyer_app.get("/rooms")
    assert (answer.status, answer.body["code"]) == (500, "internal_error")


async def test_what_the_store_will_never_take_is_an_internal_error_with_a_traceback(
    room: str, buyer_app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise BulkWriteError({"writeErrors": [{"index": 0, "code": 121, "errmsg": "Document failed validation"}]})

    monkeypatch.setattr(Collection, "insert_many", refuse)
    body = {"room_id": room, "from": "7", "to": "9", "type": "TEXT", "content": "hello"}
    answer = await buyer_app.post("/messages", body)
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert any("Document failed validation" in str(record.exc_info) for record in caplog.records)


@pytest.mark.parametrize("entry", ["https://shop.example.com", "https://Shop.Example.com:443/"])
@pytest.mark.parametrize(("origin", "allowed"), [("https://shop.example.com", True), ("https://evil.example", False)])
async def test_web_pages_of_allowed_origins_may_call(
    buyer_app: App, settings: Settings, origin: str, allowed: bool, entry: str
) -> None:
    """A browser asks first (CORS), with no token, and then looks whether the answer is meant for the page."""
    settings.ALLOWED_ORIGINS = [entry]
    buyer_app.headers |= {"Origin": origin, "Access-Control-Request-Method": "PUT"}
    assert (await buyer_app.get("/rooms")).headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    del buyer_app.headers["Authorization"]
    asked = await buyer_app.client.options("/v1/conversations/rooms/7.9/seen", headers=buyer_app.headers)
    assert ("PUT" in asked.headers.get("Access-Control-Allow-Methods", "")) is allowed
