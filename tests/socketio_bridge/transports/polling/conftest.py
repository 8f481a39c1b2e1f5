"""A server, and a client with a session."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from socketio_bridge import Options, SocketIOServer

from .browser import Browser, Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def server(chat: Chat) -> SocketIOServer:
    return SocketIOServer([chat], options=Options(max_payload=1000))


@pytest.fixture
async def browser(server: SocketIOServer) -> AsyncIterator[Browser]:
    browser = Browser(server)
    await browser.open()
    yield browser
    await server.shutdown()
