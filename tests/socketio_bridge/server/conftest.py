"""A server of the namespaces."""

from __future__ import annotations

import pytest

from socketio_bridge import Options, SocketIOServer
from tests.socketio_bridge import client
from tests.socketio_bridge.frame_channel import OverFrameChannel

from .chat import Chat, News


@pytest.fixture(scope="session", autouse=True)
def _redis(redis_server: None) -> None:
    """The channel layer of every process here."""


@pytest.fixture(autouse=True, params=["asgi", "frame channel"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test with the portable consumer, and with uvicorn's protocol of the bridge: they are one behaviour."""
    monkeypatch.setattr(client, "ways", [OverFrameChannel] if request.param == "frame channel" else [])


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def server(chat: Chat) -> SocketIOServer:
    return SocketIOServer([chat, News()], options=Options())
