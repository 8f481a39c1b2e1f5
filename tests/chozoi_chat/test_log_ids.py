"""A log line says what it is about: the request or the socket, the user, the room; and nothing that lets anybody in."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import AsyncClient

from chozoi_chat.logs import logging_config
from identity import Identity, Role
from socketio_bridge import Namespace, Options, Socket, SocketIOServer, event
from tests.socketio_bridge.client import connect

logger = logging.getLogger("tests.ids")
LOGGERS = "tests.ids", "django.request"

Lines = Callable[[], list[dict[str, Any]]]


async def log_later() -> None:
    logger.warning("later")


class Chat(Namespace):
    path = "/chat"

    async def on_connect(self, socket: Socket) -> None:
        logger.warning("connecting")
        socket.data.identity = Identity("7", Role.BUYER, "a token", 0.0, frozenset())

    @event("say")
    async def say(self, socket: Socket, message: Any) -> None:
        logger.warning("saying")
        await asyncio.create_task(log_later())
        await asyncio.to_thread(logger.warning, "in a thread")


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What has been logged, as the service writes it."""
    formatter = logging_config("INFO", debug=False)["formatters"]["structlog"]
    handler = logging.StreamHandler(stream := io.StringIO())
    handler.setFormatter(
        formatter["()"](processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"])
    )
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for name in LOGGERS:
        logging.getLogger(name).removeHandler(handler)


async def test_what_a_handler_logs_or_sets_off_has_the_ids_of_its_socket(lines: Lines) -> None:
    async with connect(SocketIOServer([Chat()], options=Options())) as client:
        socket_id = await client.join("/chat")
        await client.send('42/chat,1["say",{"room_id":"7.9"}]')
        await client.receive()
        logger.warning("in between")
    connecting, saying, later, in_a_thread, in_between = lines()
    assert (connecting["socket_id"], connecting["socket_event"]) == (socket_id, "connect")
    assert "user_id" not in connecting
    for line in (saying, later, in_a_thread):
        ids = {name: line[name] for name in ("socket_id", "socket_event", "user_id", "room_id")}
        assert ids == {"socket_id": socket_id, "socket_event": "say", "user_id": "7", "room_id": "7.9"}
    assert "socket_id" not in in_between


@pytest.mark.parametrize("sent", ['{"room_id":7}', "[]", '"7.9"', "1e999", '{"room_id":"' + "7" * 5000 + '"}'])
async def test_what_a_client_sends_in_place_of_a_room_is_no_room_or_a_short_one(lines: Lines, sent: str) -> None:
    async with connect(SocketIOServer([Chat()], options=Options())) as client:
        await client.join("/chat")
        await client.send(f'42/chat,1["say",{sent}]')
        await client.receive()
    assert all(len(line.get("room_id", "")) <= 128 for line in lines())
    assert {line.get("room_id", "7")[0] for line in lines()} == {"7"}


async def test_the_session_id_of_a_client_2_is_in_no_line(lines: Lines) -> None:
    async with connect(SocketIOServer([Chat()], options=Options()), "EIO=3&transport=websocket") as client:
        await client.send("40/chat")
        while not (await client.receive()).startswith("40/chat"):
            pass
        await client.send('42/chat,1["say",{}]')
        await client.receive()
    connecting, saying, *_ = lines()
    assert saying["socket_id"] == connecting["socket_id"]
    assert saying["socket_id"].startswith("eio3-")


@pytest.mark.django_db
async def test_a_request_has_an_id_in_its_lines_and_in_its_answer(async_client: AsyncClient, lines: Lines) -> None:
    answers = [
        await async_client.get("/nowhere", headers={"X-Request-ID": given})
        for given in ("proxy-17.0001", "none, and\ta log's own", "")
    ]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert ids[0] == "proxy-17.0001"
    assert [len(each) for each in ids[1:]] == [32, 32]
    assert [line["request_id"] for line in lines()] == ids
