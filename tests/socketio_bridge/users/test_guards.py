"""`@event(permission=…, rate=…)`: who may send an event, and how often."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from socketio_bridge import EventRefused, Namespace, Options, Socket, SocketIOServer, event
from socketio_bridge.testing import SocketIOCommunicator
from socketio_bridge.transports.handshake import read_handshake
from socketio_bridge.users.guards import Claim, require_permission
from tests.socketio_bridge.users.conftest import run
from tests.socketio_bridge.users.processes import Browser

GIVE = """
from django.contrib.auth.models import User, Permission
User.objects.get(username="ann").user_permissions.add(Permission.objects.get(codename="delete_user"))
"""
TAKE = GIVE.replace(".add", ".remove")
PROMOTE = """
from django.contrib.auth.models import User
User.objects.filter(username="ann").update(is_staff=True)
"""


@pytest.mark.slow
class TestPermissions:
    def test_counts_at_each_event(self, ann: Browser, there: str) -> None:
        socket = ann.socket("/orders").join()
        refusal = {"error": {"code": "permission_denied", "message": "this needs the permission auth.delete_user"}}
        assert socket.call("cancel", 7) == refusal
        run(there, GIVE)
        assert socket.call("cancel", 7) == "order 7 is cancelled"
        run(there, TAKE)
        assert socket.call("cancel", 7) == refusal

    def test_who_has_not_logged_in_is_told_to(self, here: str) -> None:
        guest = Browser(here).socket("/orders", guest=True).join()
        for name in ("cancel", "audit"):
            assert guest.call(name, 7) == {"error": {"code": "not_authenticated", "message": "log in first"}}

    def test_comes_before_the_arguments(self, ann: Browser) -> None:
        assert ann.socket("/orders").join().call("cancel", "seven")["error"]["code"] == "permission_denied"

    def test_a_class_of_django_rest_framework_decides(self, ann: Browser, there: str) -> None:
        socket = ann.socket("/orders").join()
        assert socket.call("audit")["error"]["code"] == "permission_denied"
        run(there, PROMOTE)
        assert socket.call("audit") == "audited"

    def test_it_sees_the_handshake_the_event_and_the_namespace(self, ann: Browser) -> None:
        refusal = {"error": {"code": "not_from_the_office", "message": "only from the office"}}
        assert ann.socket("/orders").join().call("open_safe") == refusal
        assert ann.socket("/orders", place="office").join().call("open_safe") == "open"

    def test_classes_can_be_composed(self, ann: Browser, there: str) -> None:
        socket = ann.socket("/orders").join()
        assert socket.call("open_door")["error"]["code"] == "permission_denied"
        run(there, PROMOTE)
        assert socket.call("open_door") == "open"

    def test_a_handler_refuses_in_the_same_form(self, ann: Browser) -> None:
        answer = ann.socket("/orders").join().call("ship", 7)
        assert answer == {"error": {"code": "order_shipped", "message": "order 7 has left"}}

    def test_a_namespace_may_need_one(self, ann: Browser, there: str) -> None:
        refused = ann.socket("/staff").ask_to_join()
        text = "this needs the permission auth.view_user"
        assert refused == {"message": text, "data": {"code": "permission_denied"}}
        run(there, GIVE.replace("delete_user", "view_user"))
        ann.socket("/staff").join()
        assert Browser(there).socket("/staff").ask_to_join()["data"] == {"code": "not_authenticated"}

    def test_a_user_is_limited_over_all_sockets_of_a_process(self, ann: Browser) -> None:
        first, second = ann.socket("/orders").join(), ann.socket("/orders").join()
        assert [socket.call("ring") for socket in (first, second, first)] == ["rung"] * 3
        answer = second.call("ring")["error"]
        assert answer["code"] == "rate_limited"
        assert 19 <= answer["retry_after"] <= 20
        assert Browser(ann.url, "bob").socket("/orders").join().call("ring") == "rung"


class Bells(Namespace):
    path = "/bells"

    @event("ring", rate="2/s")
    async def ring(self, socket: Socket) -> str:
        return "rung"

    @event("*", rate="1/m")
    async def any_other(self, socket: Socket, name: str) -> str:
        return name


class TestRates:
    async def test_tokens_come_back_evenly_and_each_socket_has_its_own(self, redis_server: None) -> None:
        server = SocketIOServer([Bells()], options=Options())
        async with SocketIOCommunicator(server, "/bells") as one, SocketIOCommunicator(server, "/bells") as other:
            assert [await one.call("ring") for _ in range(2)] == [["rung"], ["rung"]]
            assert (await one.call("ring"))[0]["error"]["retry_after"] == 1
            assert await other.call("ring") == ["rung"]
            await asyncio.sleep(0.55)
            assert await one.call("ring") == ["rung"]
            assert (await one.call("ring"))[0]["error"]["code"] == "rate_limited"

    async def test_the_catch_all_handler_has_one_for_all_its_events(self, redis_server: None) -> None:
        server = SocketIOServer([Bells()], options=Options())
        async with SocketIOCommunicator(server, "/bells") as client:
            assert await client.call("a") == ["a"]
            assert (await client.call("b"))[0]["error"]["code"] == "rate_limited"
            assert await client.call("ring") == ["rung"]

    def test_what_is_no_rate_is_refused_where_it_is_written(self) -> None:
        with pytest.raises(ValueError, match="600/m"):
            event("ring", rate="often")


def test_a_permission_sees_the_proxys_headers_and_none_that_look_like_them() -> None:
    class FromHome:
        def has_permission(self, request: Any, view: Any) -> bool:
            return bool(request.META.get("HTTP_X_REAL_IP") == "127.0.0.1")

    def ask(*headers: tuple[bytes, bytes]) -> None:
        handshake = read_handshake({"type": "websocket", "path": "/socket.io/", "headers": headers})
        require_permission(FromHome, Claim(SimpleNamespace(pk=1, is_authenticated=True), handshake, Namespace()))

    ask((b"x-real-ip", b"127.0.0.1"))
    for spoofed in ((b"x_real_ip", b"127.0.0.1"), (b"x-real_ip", b"127.0.0.1")):
        with pytest.raises(EventRefused):
            ask((b"x-real-ip", b"192.0.2.1"), spoofed)
