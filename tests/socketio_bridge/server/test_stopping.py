"""How a server stops."""

from __future__ import annotations

import pytest
from channels.layers import get_channel_layer

from socketio_bridge import Namespace, Options, SocketIOServer
from tests.socketio_bridge.client import connect
from tests.socketio_bridge.transports.polling.browser import Browser


class Broken(Namespace):
    path = "/broken"

    async def on_shutdown(self) -> None:
        raise ConnectionError("what it wanted to tell is away")


class Tidy(Namespace):
    path = "/tidy"
    stopped = False

    async def on_shutdown(self) -> None:
        self.stopped = True


async def test_a_namespace_that_fails_to_stop_keeps_nothing_else_from_it(caplog: pytest.LogCaptureFixture) -> None:
    tidy = Tidy()
    server = SocketIOServer([Broken(), tidy], options=Options())
    await server.startup()
    await server.shutdown()
    assert tidy.stopped
    assert not get_channel_layer().channels, "the adapter has left the channel layer"
    assert "on_shutdown of Broken failed." in caplog.messages


async def test_who_comes_when_the_process_was_told_to_stop_goes_to_another() -> None:
    server = SocketIOServer([Tidy()], options=Options())
    async with connect(server) as client:
        await client.join("/tidy")
        server.stop_serving()
        assert await client.receive() == "closed"
        answer = await Browser(server).request("GET")
        assert (answer.status, answer.body) == (503, '{"code":3,"message":"Bad request: the server is shutting down"}')
    await server.shutdown()
    async with connect(server) as client:
        await client.join("/tidy")
