"""A server of the namespaces."""

from __future__ import annotations

import pytest

from socketio_bridge import Options, SocketIOServer

from .chat import Chat, News


@pytest.fixture(scope="session", autouse=True)
def _redis(redis_server: None) -> None:
    """The channel layer of every process here."""


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def server(chat: Chat) -> SocketIOServer:
    return SocketIOServer([chat, News()], options=Options())
