"""Whom the server talks to at all: what the application decides before a connection opens, and what it learns of
those that were refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from channels.testing import HttpCommunicator, WebsocketCommunicator

from socketio_bridge import ConnectionRefused, Handshake, Options, SocketIOServer, TryAgainLater
from socketio_bridge.signals import connection_error
from tests.socketio_bridge.client import connect

from .chat import News

HERE = __name__
WEBSOCKET = "EIO=4&transport=websocket"
POLLING = "EIO=4&transport=polling"

MISMATCH = {"name": "TRANSPORT_MISMATCH", "transport": "websocket", "carried_by": "polling"}

Refusals = list[dict[str, Any]]


async def partners_only(handshake: Handshake) -> None:
    """As an application's `allow_request`."""
    match handshake.query.get("token"):
        case "partner":
            return
        case "bug":
            raise LookupError("a bug in allow_request")
        case "away":
            raise TryAgainLater("the store of partners is away")
        case _:
            raise ConnectionRefused("Partners only")


def shops(origin: str) -> bool:
    """As an application's `allow_origin`."""
    if "bug" in origin:
        raise LookupError("a bug in allow_origin")
    return origin.endswith(".shop.example")


@pytest.fixture
def refusals() -> Iterator[Refusals]:
    """What `connection_error` has told, by its async receiver."""
    told: Refusals = []

    async def receive(sender: Any, **said: Any) -> None:
        told.append(said)

    connection_error.connect(receive)
    yield told
    connection_error.disconnect(receive)


def server_with(**options: Any) -> SocketIOServer:
    return SocketIOServer([News()], options=Options(**options))


async def answer_to_websocket(server: SocketIOServer, query: str, **headers: str) -> tuple[int, Any]:
    """The HTTP status and the JSON by which a WebSocket was refused."""
    encoded = [(name.encode(), value.encode()) for name, value in {"host": "chat", **headers}.items()]
    communicator = WebsocketCommunicator(server, f"/socket.io/?{query}", headers=encoded)
    communicator.scope["extensions"] = {"websocket.http.response": {}}
    await communicator.send_input({"type": "websocket.connect"})
    start = await communicator.receive_output(1)
    assert start["type"] == "websocket.http.response.start", start
    return start["status"], json.loads((await communicator.receive_output(1))["body"])


async def answer_to(server: SocketIOServer, query: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    """The status and the JSON that answer an HTTP request."""
    encoded = [(name.encode(), value.encode()) for name, value in {"host": "chat", **headers}.items()]
    response = await HttpCommunicator(server, method, f"/socket.io/?{query}", headers=encoded).get_response()
    return response["status"], json.loads(response["body"])


@pytest.mark.parametrize(
    ("token", "status", "answer"),
    [
        ("", 403, {"code": 4, "message": "Partners only"}),
        ("bug", 403, {"code": 4, "message": "Forbidden"}),
        ("away", 503, {"code": 3, "message": "Bad request: try again later"}),
    ],
)
async def test_the_application_refuses_a_request_before_it_opens_a_connection(
    token: str, status: int, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = server_with(allow_request=f"{HERE}.partners_only")
    assert await answer_to_websocket(server, f"{WEBSOCKET}&token={token}") == (status, answer)
    assert await answer_to(server, f"{POLLING}&token={token}") == (status, answer)
    logged = [record for record in caplog.records if record.name.startswith("socketio_bridge")]
    assert [record.levelname for record in logged] == (["ERROR", "ERROR"] if token == "bug" else [])


async def test_whom_it_allows_is_asked_about_once() -> None:
    """A request that belongs to a session is no new connection."""
    server = server_with(allow_request=f"{HERE}.partners_only")
    async with connect(server, f"{WEBSOCKET}&token=partner") as client:
        await client.join("/news")
    headers = [(b"host", b"chat")]
    opened = await HttpCommunicator(
        server, "GET", f"/socket.io/?{POLLING}&token=partner", headers=headers
    ).get_response()
    sid = json.loads(opened["body"][1:])["sid"]
    posted = HttpCommunicator(server, "POST", f"/socket.io/?{POLLING}&sid={sid}", body=b"40/news,", headers=headers)
    assert (await posted.get_response())["body"] == b"ok"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://one.shop.example", True),
        ("https://app.partner.example", True),
        ("https://evil.example", False),
        ("https://bug.example", False),
    ],
)
async def test_origins_are_allowed_by_expressions_and_by_a_function(origin: str, allowed: bool) -> None:
    server = server_with(allowed_origin_regexes=(r"https://(\w+)\.partner\.example",), allow_origin=f"{HERE}.shops")
    headers = [(b"host", b"chat"), (b"origin", origin.encode())]
    response = await HttpCommunicator(server, "GET", f"/socket.io/?{POLLING}", headers=headers).get_response()
    readable = dict(response["headers"]).get(b"access-control-allow-origin")
    assert (response["status"], readable) == ((200, origin.encode()) if allowed else (403, None))


@pytest.mark.parametrize(
    ("query", "method", "headers", "code", "message", "context"),
    [
        ("EIO=4&transport=tobi", "GET", {}, 0, "Transport unknown", {"transport": "tobi"}),
        ("EIO=4", "GET", {}, 0, "Transport unknown", {"transport": None}),
        (f"{POLLING}&sid=x", "GET", {}, 1, "Session ID unknown", {"sid": "x"}),
        (POLLING, "POST", {}, 2, "Bad handshake method", {"method": "POST"}),
        (WEBSOCKET, "GET", {}, 3, "Bad request", MISMATCH),
        (POLLING, "GET", {"origin": "https://evil.example"}, 4, "Forbidden", {"origin": "https://evil.example"}),
        ("EIO=3&transport=polling", "GET", {}, 5, "Unsupported protocol version", {"protocol": "3"}),
        ("EIO=5&transport=polling", "GET", {}, 5, "Unsupported protocol version", {"protocol": "5"}),
    ],
)  # fmt: skip
async def test_a_signal_tells_who_was_refused_and_why(
    query: str, method: str, headers: dict[str, str], code: int, message: str, context: Any, refusals: Refusals
) -> None:
    """With the codes and messages of Engine.IO's reference server."""
    _, answer = await answer_to(server_with(allow_eio3=False), query, method, **headers)
    assert answer == {"code": code, "message": message}
    [told] = refusals
    assert (told["code"], told["message"], told["context"]) == (code, message, context)
    assert told["handshake"].url == f"/socket.io/?{query}"


async def test_websockets_that_are_refused_are_told_too(refusals: Refusals) -> None:
    server = server_with(allow_request=f"{HERE}.partners_only")
    await answer_to_websocket(server, WEBSOCKET)
    await answer_to_websocket(server, POLLING)
    assert [(told["code"], told["message"]) for told in refusals] == [(4, "Partners only"), (3, "Bad request")]
    assert refusals[0]["handshake"].headers["host"] == "chat"


async def test_a_receiver_that_fails_spoils_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(sender: Any, **said: Any) -> None:
        raise LookupError("a bug in a receiver")

    connection_error.connect(fail)
    try:
        _, answer = await answer_to(server_with(), "EIO=4")
    finally:
        connection_error.disconnect(fail)
    assert answer == {"code": 0, "message": "Transport unknown"}
    assert any("fail" in record.getMessage() for record in caplog.records)
