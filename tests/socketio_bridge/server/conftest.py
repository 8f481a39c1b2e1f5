"""A server of the namespaces."""

from __future__ import annotations

import pytest

from socketio_bridge import Options, SocketIOServer

from .chat import Chat, News


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def server(chat: Chat) -> SocketIOServer:
    return SocketIOServer([chat, News()], options=Options())
