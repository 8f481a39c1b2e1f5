"""How an event that is refused is acknowledged by default: with a code, in one form."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied

from socketio_bridge import EventRefused, Namespace, Options, Socket, SocketIOServer, event
from socketio_bridge.testing import SocketIOCommunicator

pytestmark = pytest.mark.usefixtures("redis_server")


KNOWN = "add, break, buy, enter"


class Desk(Namespace):
    path = "/desk"

    @event("add")
    async def add(self, socket: Socket, number: int) -> int:
        return number + 1

    @event("buy")
    async def buy(self, socket: Socket) -> None:
        raise EventRefused("sold_out", "there is none left", retry_after=60)

    @event("enter")
    async def enter(self, socket: Socket) -> None:
        raise PermissionDenied

    @event("break")
    async def break_(self, socket: Socket) -> None:
        raise LookupError("a bug")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (
            ["sit"],
            {"code": "unknown_event", "message": f"'sit' is no event of /desk; there are: {KNOWN}"},
        ),
        (["add", "1"], {"code": "invalid_arguments", "message": "Expected `int`, got `str`"}),
        (["add"], {"code": "invalid_arguments", "message": "expected 1 argument(s), got 0"}),
        (["buy"], {"code": "sold_out", "message": "there is none left", "retry_after": 60}),
        (["enter"], {"code": "permission_denied", "message": "you may not do this"}),
    ],
)
async def test_a_refusal_has_its_code(call: list[str], error: dict[str, object]) -> None:
    async with SocketIOCommunicator(SocketIOServer([Desk()], options=Options()), "/desk") as client:
        assert await client.call(*call) == [{"error": error}]


async def test_a_failure_is_logged_and_not_acknowledged(caplog: pytest.LogCaptureFixture) -> None:
    async with SocketIOCommunicator(SocketIOServer([Desk()], options=Options()), "/desk") as client:
        with pytest.raises(TimeoutError):
            await client.call("break", timeout=0.1)
    assert "a bug" in caplog.text
