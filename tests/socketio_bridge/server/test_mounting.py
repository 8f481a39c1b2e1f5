"""A server beside Django, and namespaces that cannot be one server's."""

from __future__ import annotations

from typing import Any

import pytest
from channels.layers import channel_layers
from channels.testing import ApplicationCommunicator, WebsocketCommunicator
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from socketio_bridge import Namespace, Options, SocketIOServer

from .chat import News


async def test_the_path_is_served_with_and_without_a_slash_and_django_gets_the_rest(server: SocketIOServer) -> None:
    async def django(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    application = server.mount("/a/socket", beside=django)
    for path in ("/a/socket", "/a/socket/"):
        communicator = WebsocketCommunicator(application, f"{path}?EIO=4&transport=websocket")
        accepted, _ = await communicator.connect(1)
        assert accepted
        await communicator.disconnect()
    http = ApplicationCommunicator(application, {"type": "http", "path": "/a", "headers": []})
    await http.send_input({"type": "http.request"})
    assert (await http.receive_output(1))["status"] == 299


async def test_a_websocket_elsewhere_is_told_where_to_go(server: SocketIOServer) -> None:
    async def django(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("Django serves no WebSockets")

    communicator = WebsocketCommunicator(server.mount("/a/socket", beside=django), "/b")
    accepted, _ = await communicator.connect(1)
    assert not accepted


def test_two_namespaces_of_one_path_are_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="Two namespaces have the path '/news'"):
        SocketIOServer([News(), News()], options=Options())


def test_a_path_without_a_slash_is_refused() -> None:
    class Bad(Namespace):
        path = "news"

    with pytest.raises(ImproperlyConfigured, match="must start with a slash"):
        SocketIOServer([Bad()], options=Options())


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"INSTALLED_APPS": [], "SOCKETIO": {"follow_session": True}}, 'needs "socketio_bridge" in INSTALLED_APPS'),
        ({"SOCKETIO": {}}, "it must be in settings.SOCKETIO"),
    ],
)
async def test_a_server_does_not_start_that_follows_users_of_whom_no_process_reports(
    settings: dict[str, Any], problem: str
) -> None:
    """Who logs out would stay in."""
    with override_settings(**settings):
        server = SocketIOServer([News()], options=Options(follow_session=True))
        with pytest.raises(ImproperlyConfigured, match=problem):
            await server.startup()


@pytest.mark.parametrize("installed", [["socketio_bridge"], []])
async def test_a_server_without_the_app_says_what_is_missing(
    installed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(INSTALLED_APPS=installed):
        server = SocketIOServer([News()], options=Options())
        await server.startup()
        await server.shutdown()
    assert ("not in INSTALLED_APPS" in caplog.text) is (not installed)


async def test_what_keeps_the_server_from_starting_is_said_at_start() -> None:
    """Not at each client's connection, which got HTTP 500: recovery has no Redis that other processes could use."""
    layer = {"default": {"BACKEND": "somebodys.layers.OverRabbitMQ"}}
    with override_settings(CHANNEL_LAYERS=layer):
        server = SocketIOServer([News()], options=Options(max_disconnection_duration=60))
        channel_layers.backends = {"default": None}
        lifespan = ApplicationCommunicator(server.mount("/socket", beside=server), {"type": "lifespan"})
        await lifespan.send_input({"type": "lifespan.startup"})
        answer = await lifespan.receive_output(5)
        channel_layers.backends = {}
    assert answer["type"] == "lifespan.startup.failed"
    assert "recovery_redis_url" in answer["message"]
