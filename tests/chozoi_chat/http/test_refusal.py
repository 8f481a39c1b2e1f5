"""What middleware of the service refuses gets one answer: the same body over HTTP and for a WebSocket's handshake."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from chozoi_chat.http.refusal import refuse


async def sent(scope: dict[str, Any]) -> tuple[list[Any], int]:
    """What is sent for a refused request, and how many messages of the request were received."""
    messages: list[Any] = []
    received = 0

    async def receive() -> dict[str, Any]:
        nonlocal received
        received += 1
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        messages.append(message)

    await refuse(
        scope,
        receive,
        send,
        HTTPStatus.TOO_MANY_REQUESTS,
        code="rate_limited",
        message="too many",
        headers=[(b"retry-after", b"5")],
    )
    return messages, received


async def test_a_request_gets_the_body_of_the_rest_api() -> None:
    (start, body), received = await sent({"type": "http"})
    assert (start["type"], start["status"], body["type"]) == ("http.response.start", 429, "http.response.body")
    assert json.loads(body["body"]) == {"status": False, "message": "too many", "code": "rate_limited"}
    headers = dict(start["headers"])
    assert headers[b"content-length"] == b"%d" % len(body["body"])
    assert (headers[b"content-type"], headers[b"retry-after"]) == (b"application/json", b"5")
    assert received == 0


async def test_a_handshake_gets_the_same_where_the_server_can_answer_it() -> None:
    (start, body), received = await sent({"type": "websocket", "extensions": {"websocket.http.response": {}}})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 429)
    assert body["type"] == "websocket.http.response.body"
    assert json.loads(body["body"])["code"] == "rate_limited"
    assert received == 1


async def test_a_handshake_is_closed_where_the_server_cannot_answer_it() -> None:
    messages, received = await sent({"type": "websocket"})
    assert (messages, received) == ([{"type": "websocket.close"}], 1)
