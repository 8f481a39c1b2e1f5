"""The change from polling to a WebSocket (section "Upgrade")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from socketio_bridge import Options, SocketIOServer, emit
from tests.eventually import eventually

from .browser import Browser, Chat


@pytest.fixture
async def websocket(browser: Browser, server: SocketIOServer) -> AsyncIterator[WebsocketCommunicator]:
    query = f"EIO=4&transport=websocket&sid={browser.query['sid']}"
    websocket = WebsocketCommunicator(server, f"/socket.io/?{query}")
    await browser.join()
    accepted, _ = await websocket.connect(1)
    assert accepted
    yield websocket
    await websocket.disconnect(timeout=2)


async def _another_is_let_go(server: SocketIOServer) -> None:
    """Another client's poll comes back because its WebSocket has probed, later than anything that happened before."""
    browser = Browser(server)
    query = f"EIO=4&transport=websocket&sid={await browser.open()}"
    polling = await browser.begin_get()
    websocket = WebsocketCommunicator(server, f"/socket.io/?{query}")
    await websocket.connect(1)
    await websocket.send_to("2probe")
    assert await websocket.receive_from(1) == "3probe"
    assert await polling == "6"
    await websocket.disconnect()


async def test_packets_that_wait_when_the_client_changes_over_go_by_the_websocket(
    browser: Browser, websocket: WebsocketCommunicator
) -> None:
    polling = await browser.begin_get()
    await websocket.send_to("2probe")
    assert await websocket.receive_from(1) == "3probe"
    assert await polling == "6"
    await emit("news", 1, to="all", namespace="/chat")
    await emit("news", 2, to="all", namespace="/chat")
    await websocket.send_to("5")
    assert await websocket.receive_from(1) == '42/chat,["news",1]'
    await emit("news", 3, to="all", namespace="/chat")
    assert await websocket.receive_from(1) == '42/chat,["news",2]'
    assert await websocket.receive_from(1) == '42/chat,["news",3]'
    assert (await browser.request("GET")).body == '{"code":3,"message":"Bad request"}'


async def test_a_namespace_learns_of_the_change(browser: Browser, websocket: WebsocketCommunicator, chat: Chat) -> None:
    """In turn with the events that the client sent before and after it."""
    await browser.post('42/chat,1["transport"]')
    assert await browser.get() == '43/chat,1["polling"]'
    assert chat.upgraded == []
    await websocket.send_to("2probe")
    await websocket.receive_from(1)
    await websocket.send_to("5")
    await websocket.send_to('42/chat,2["transport"]')
    assert await websocket.receive_from(1) == '43/chat,2["websocket"]'
    assert chat.upgraded == ["websocket"]
    await websocket.disconnect(code=1001, timeout=2)
    assert (chat.reasons, chat.close_codes) == (["transport close"], [1001])


async def test_the_change_does_not_wait_for_overlapping_handlers(
    browser: Browser, websocket: WebsocketCommunicator, chat: Chat
) -> None:
    """Nor do those that come behind it."""
    await browser.post('42/chat,["wait beside"]')
    await websocket.send_to("2probe")
    await websocket.receive_from(1)
    await websocket.send_to("5")
    await websocket.send_to('42/chat,1["echo beside",7]')
    assert await websocket.receive_from(1) == "43/chat,1[7]"
    assert chat.upgraded == ["websocket"]
    chat.gate.set()


async def test_a_client_that_leaves_by_polling_has_no_close_code(browser: Browser, chat: Chat) -> None:
    await browser.join()
    await browser.post("1")
    await eventually(lambda: chat.reasons)
    assert (chat.reasons, chat.close_codes) == (["transport close"], [None])


async def test_polls_during_the_change_come_back_soon(browser: Browser, websocket: WebsocketCommunicator) -> None:
    await websocket.send_to("2probe")
    await websocket.receive_from(1)
    assert await browser.get() == "6"
    await emit("news", 1, to="all", namespace="/chat")
    assert await browser.get() == '42/chat,["news",1]'


async def test_a_probe_that_leads_nowhere_leaves_polling_as_it_was(
    browser: Browser, websocket: WebsocketCommunicator, chat: Chat
) -> None:
    await websocket.send_to("2probe")
    await websocket.receive_from(1)
    await websocket.disconnect()
    await emit("news", 1, to="all", namespace="/chat")
    assert await browser.get() == '42/chat,["news",1]'
    assert chat.reasons == []


async def test_a_websocket_that_is_gone_when_its_probe_is_answered_leaves_polling_as_it_was(
    browser: Browser, server: SocketIOServer
) -> None:
    """ASGI servers say so by an OSError."""
    await browser.join()
    incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            raise OSError("the client is gone")

    query = f"EIO=4&transport=websocket&sid={browser.query['sid']}"
    scope = {"type": "websocket", "path": "/", "query_string": query.encode(), "headers": []}
    incoming.put_nowait({"type": "websocket.connect"})
    incoming.put_nowait({"type": "websocket.receive", "text": "2probe"})
    await server(scope, incoming.get, send)
    assert await browser.get() == "6", "which the probe asked for"
    polling = await browser.begin_get()
    await _another_is_let_go(server)
    assert not polling.done()
    await emit("news", 1, to="all", namespace="/chat")
    assert await polling == '42/chat,["news",1]'
    another = WebsocketCommunicator(server, f"/socket.io/?{query}")
    await another.connect(1)
    await another.send_to("2probe")
    assert await another.receive_from(1) == "3probe"
    await another.disconnect()


@pytest.mark.parametrize("frames", [["4"], ["2"], ["2probe", "4"]])
async def test_anything_but_a_probe_and_an_upgrade_closes_the_websocket_alone(
    browser: Browser, websocket: WebsocketCommunicator, chat: Chat, frames: list[str]
) -> None:
    for frame in frames:
        await websocket.send_to(frame)
    messages = [await websocket.receive_output(1) for _ in frames]
    assert messages[-1]["type"] == "websocket.close"
    await browser.post('42/chat,1["echo",1]')
    assert await browser.get() == "43/chat,1[1]"


@pytest.mark.parametrize("frames", [[], ["2probe"], ["2probe", "5"]])
async def test_a_second_websocket_of_a_session_is_closed_and_the_first_goes_on(
    browser: Browser, websocket: WebsocketCommunicator, server: SocketIOServer, frames: list[str]
) -> None:
    for frame in frames:
        await websocket.send_to(frame)
    second = WebsocketCommunicator(server, f"/?EIO=4&transport=websocket&sid={browser.query['sid']}")
    accepted, _ = await second.connect(1)
    assert accepted
    assert (await second.receive_output(1))["type"] == "websocket.close"
    for frame in ["2probe", "5"][len(frames) :]:
        await websocket.send_to(frame)
    assert await websocket.receive_from(1) == "3probe"
    await websocket.send_to('42/chat,1["echo",1]')
    assert await websocket.receive_from(1) == "43/chat,1[1]"


@pytest.mark.parametrize("polls_first", [True, False])
async def test_a_poll_that_comes_with_the_upgrade_is_refused_whichever_is_first(
    browser: Browser, websocket: WebsocketCommunicator, polls_first: bool
) -> None:
    """The client must have no poll pending then."""
    if not polls_first:
        await websocket.send_to("2probe")
        await websocket.receive_from(1)
    request = browser.begin("GET", {})
    await request.send_input({"type": "http.request", "body": b""})
    if polls_first:
        await websocket.send_to("2probe")
    await websocket.send_to("5")
    answer = await browser.answer(request)
    assert (answer.status, answer.body) == (400, '{"code":3,"message":"Bad request"}')
    await emit("news", 1, to="all", namespace="/chat")
    if polls_first:
        await websocket.receive_from(1)
    assert await websocket.receive_from(1) == '42/chat,["news",1]'


async def test_a_websocket_that_has_not_probed_leaves_polls_waiting(
    browser: Browser, websocket: WebsocketCommunicator, server: SocketIOServer
) -> None:
    polling = await browser.begin_get()
    await _another_is_let_go(server)
    assert not polling.done()
    await emit("news", 1, to="all", namespace="/chat")
    assert await polling == '42/chat,["news",1]'


async def test_a_websocket_that_never_probes_is_closed(chat: Chat) -> None:
    server = SocketIOServer([chat], options=Options(upgrade_timeout=0.05))
    browser = Browser(server)
    sid = await browser.open()
    websocket = WebsocketCommunicator(server, f"/?EIO=4&transport=websocket&sid={sid}")
    await websocket.connect(1)
    assert (await websocket.receive_output(1))["type"] == "websocket.close"


async def test_a_session_that_has_changed_over_has_all_the_time(chat: Chat) -> None:
    """`upgrade_timeout` ends with the change."""
    server = SocketIOServer([chat], options=Options(upgrade_timeout=0.1))
    browser = Browser(server)
    websocket = WebsocketCommunicator(server, f"/socket.io/?EIO=4&transport=websocket&sid={await browser.open()}")
    await browser.join()
    await websocket.connect(1)
    await websocket.send_to("2probe")
    await websocket.receive_from(1)
    await websocket.send_to("5")
    await asyncio.sleep(0.2)
    await websocket.send_to('42/chat,1["transport"]')
    assert await websocket.receive_from(1) == '43/chat,1["websocket"]'
    await websocket.disconnect(timeout=2)
    await server.shutdown()
