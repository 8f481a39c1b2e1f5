"""Whose devices are online, from a socket's first moment to its last."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pymongo.database import Database

from conversations import services
from conversations.sockets.namespace import ConversationEvents
from identity import Role, issue_token
from persistence.configuration import value_of
from presence import Presence, current, stop_current
from socketio_bridge import Namespace, Options, SocketIOServer
from tests.conversations.conftest import Emitted
from tests.socketio_bridge.client import connect


async def test_a_device_whose_signing_in_breaks_off_is_not_online(
    database: Database[dict[str, Any]], chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connect handler took too long, and was cancelled."""
    namespace = value_of("MESSENGER_NAMESPACE")

    async def enter(user_id: str, socket_id: str) -> bool:
        await Presence.enter(current(), user_id, socket_id)
        await asyncio.get_running_loop().create_future()
        return True

    monkeypatch.setattr(current(), "enter", enter)
    claim = {"token": issue_token("7", Role.BUYER, 600), "user_id": "7", "user_role": "BUYER"}
    server = SocketIOServer([ConversationEvents(), Namespace()], options=Options(connect_timeout=0.3))
    async with connect(server) as client:
        await client.send("40")
        assert (await client.receive()).startswith("40")
        await client.send(f"40{namespace},{json.dumps(claim)}")
        assert (await client.receive()).startswith(f"44{namespace},")
        assert await current().online(["7"]) == set()
    await services.shut_down()
    await stop_current()


async def test_a_device_that_comes_back_before_it_is_gone_is_online(
    database: Database[dict[str, Any]], chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client 2.x that leaves the namespace and keeps the connection comes back under the same socket id."""
    gate, gone, namespace = asyncio.Event(), asyncio.Event(), value_of("MESSENGER_NAMESPACE")

    async def slow(*args: Any, **kwargs: Any) -> None:
        await gate.wait()

    async def leave(user_id: str, socket_id: str) -> bool:
        went_offline = await Presence.leave(current(), user_id, socket_id)
        gone.set()
        return went_offline

    monkeypatch.setattr(services, "relay_typing", slow)
    monkeypatch.setattr(current(), "leave", leave)
    me = f"{namespace}?token={issue_token('7', Role.BUYER, 600)}&user_id=7&user_role=BUYER"
    async with connect(SocketIOServer([ConversationEvents()]), "EIO=3&transport=websocket") as client:
        await client.send(f"40{me},")
        assert await client.receive() == f"40{namespace},"
        await client.send(f'42{namespace},["typing",{{"room_id":"7.9","from":"7","to":"9"}}]')
        await client.send(f"41{namespace},")
        await client.send(f"40{me},")
        while (answer := await client.receive()) != f"40{namespace},":
            assert "active_user_list" in answer
        gate.set()
        await asyncio.wait_for(gone.wait(), 5)
        assert await current().online(["7"]) == {"7"}
    assert await current().online(["7"]) == set()
    await services.shut_down()
    await stop_current()
