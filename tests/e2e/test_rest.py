"""REST beside live sockets, with real servers and clients: the contract's section 4, seen from the devices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pymongo.database import Database

from .conftest import Connect
from .job import Job
from .people import Person, Room, new_buyer, new_seller
from .server_process import ServerProcess

BASE = "/v1/conversations"

# What a process without sockets and without an event loop does: Django alone, as under WSGI.
CALL = """
from django.test import Client
headers = {"Authorization": token}
answer = Client(SERVER_NAME="127.0.0.1").generic(method, path, body, "application/json", headers=headers)
assert answer.status_code == 200, answer.content
"""


class App:
    """An app of one person, calling one server."""

    def __init__(self, client: httpx.AsyncClient, person: Person) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {person.token()}"}

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The body of the answer, which is a good one."""
        answer = await self._client.request(method, BASE + path, json=body, params=query, headers=self._headers)
        assert answer.status_code == 200, (method, path, answer.text)
        return answer.json()


@pytest_asyncio.fixture(loop_scope="session")
async def http(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to the server that most tests talk to."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        yield client


async def test_what_one_side_does_reaches_the_devices_of_both(
    connect: Connect, room: Room, http: httpx.AsyncClient, second_server: ServerProcess
) -> None:
    """On every process, old clients as new ones, and in the payloads of the contract."""
    app = App(http, room.seller)
    buyer = await connect(room.buyer, "2.3.1", to=second_server)
    seller = await connect(room.seller)
    sent = await app.call("POST", "/messages", room.message(room.seller, "helo"))
    assert await buyer.expect("new_message") == await seller.expect("new_message") == sent
    edited = await app.call("PUT", f"/messages/{sent['_id']}", {"content": "hello"})
    assert await buyer.expect("message_updated") == await seller.expect("message_updated") == edited
    answer = await buyer.ask("new_message", room.message(room.buyer, "hi"))
    await app.call("PUT", f"/rooms/{room.id}/seen", {"role": "SELLER"})
    assert await buyer.expect("seen_messages") == room.seen(room.seller, answer["message"])
    await app.call("DELETE", f"/rooms/{room.id}")
    deletion = {
        "room_id": room.id, "buyer": room.buyer.user_id, "seller": room.seller.user_id, "deletion_role": "SELLER",
    }  # fmt: skip
    assert await buyer.expect("room_deletion") == await seller.expect("room_deletion") == deletion
    await app.call("PUT", f"/rooms/{room.id}/enable")
    assert (await buyer.expect("user_status_change", room_id=room.id, status=True))["user_role"] == "SELLER"


@pytest.mark.parametrize(
    ("method", "path", "event"),
    [
        ("POST", "/messages", "new_message"),
        ("PUT", "/messages/{message}", "message_updated"),
        ("PUT", "/rooms/{room}/seen", "seen_messages"),
        ("PUT", "/rooms/{room}/enable", "user_status_change"),
        ("DELETE", "/rooms/{room}", "room_deletion"),
    ],
)
async def test_a_process_without_sockets_reaches_them_too(
    connect: Connect, room: Room, job: Job, database: Database[dict[str, Any]], method: str, path: str,
    event: str,
) -> None:  # fmt: skip
    buyer = await connect(room.buyer)
    await connect(room.seller)
    sides = {"room_id": room.id, "type": "TEXT", "content": "x", "is_seen": False}
    for sender, receiver in ((room.seller, room.buyer), (room.buyer, room.seller)):
        message = {"_id": f"{room.id}-{sender.role}", "from": sender.user_id, "to": receiver.user_id}
        database["cz_messages"].insert_one({**sides, **message})
    bodies = {"/messages": room.message(room.seller, "hi"), "/messages/{message}": {"content": "y"}}
    await job.do(
        CALL,
        method=method,
        path=BASE + path.format(room=room.id, message=f"{room.id}-SELLER"),
        body=json.dumps(bodies.get(path, {})),
        token=f"Bearer {room.seller.token()}",
    )
    payload = await buyer.expect(event, room_id=room.id)
    assert payload["room_id"] == room.id


async def test_messages_of_both_doors_share_one_order(connect: Connect, room: Room, http: httpx.AsyncClient) -> None:
    """Sent by turns over REST and over the socket, they reach a device as they stand in the history."""
    buyer, app = await connect(room.buyer), App(http, room.buyer)
    for number in range(6):
        message = room.message(room.buyer, str(number))
        await (buyer.ask("new_message", message) if number % 2 else app.call("POST", "/messages", message))
    received = [(await buyer.expect("new_message"))["content"] for _ in range(6)]
    history = await app.call("GET", "/messages", room_id=room.id, created_at=1)
    assert received == [message["content"] for message in history["data"]] == list("012345")


async def test_a_recorded_day_of_the_seller_app(
    connect: Connect, http: httpx.AsyncClient, database: Database[dict[str, Any]]
) -> None:
    """Its calls, in its order and spelling, and the fields it reads without looking whether they are there."""
    room = Room(new_buyer(), new_seller())
    database["cz_rooms"].insert_one(room.document(buyer_info=None))
    me, app = room.seller.user_id, App(http, room.seller)
    who = {"user_id": me, "role": "SELLER"}
    buyer = await connect(room.buyer, "2.3.1")
    await buyer.ask("new_message", room.message(room.buyer, "Is it still there?"))

    # It opens: how much is new, and the list, drawn with the last message and the buyer's name.
    assert (await app.call("GET", "/rooms/unseen", **who))["unseen_rooms"] == 1
    [listed] = (await app.call("GET", "/rooms", name="", pinned="", **who))["rooms"]
    assert (listed["_id"], listed["buyer"], listed["seller_unseen_messages"]) == (room.id, room.buyer.user_id, 1)
    assert listed["seller_last_message"]["content"] == "Is it still there?"
    assert not listed["buyer_info"].get("name")
    assert listed["created_at"].endswith("Z")
    assert not listed["pinned_by_seller"] and not listed["seller_deleted_at"]

    # It opens the room: history since its last deletion (there is none: the field is what it is), and marks it seen.
    since = listed["seller_deleted_at"]
    page = await app.call("GET", "/messages/", room_id=room.id, limit=15, to="" if since is None else since)
    [message] = page["data"]
    assert (message["from"], message["content"], message["is_seen"]) == (
        room.buyer.user_id,
        "Is it still there?",
        False,
    )
    assert message["_id"] and message["created_at"]
    await app.call("PUT", f"/rooms/{room.id}/seen", who)
    await buyer.expect("seen_messages")
    assert (await app.call("GET", "/rooms/unseen", **who))["unseen_rooms"] == 0

    # It scrolls up: what was created before the oldest it has.
    older = await app.call("GET", "/messages", **{"room_id": room.id, "limit": 15, "from": message["created_at"]})
    assert older["data"] == []

    # It pins the room, looks at pinned ones, unpins it.
    await app.call("POST", f"/rooms/{room.id}/pin", who)
    [pinned] = (await app.call("GET", "/rooms", pinned="1", **who))["rooms"]
    assert pinned["pinned_by_seller"].endswith("Z")
    await app.call("DELETE", f"/rooms/{room.id}/pin", **who)
    assert (await app.call("GET", "/rooms", pinned="1", **who))["rooms"] == []

    # It deletes the room, sending no role, and the list is empty until the buyer writes again.
    await app.call("DELETE", f"/rooms/{room.id}")
    assert (await app.call("GET", "/rooms", **who))["rooms"] == []
    await buyer.ask("new_message", room.message(room.buyer, "Hello again"))
    [back] = (await app.call("GET", "/rooms", **who))["rooms"]
    shown = await app.call("GET", "/messages", room_id=room.id, limit=15, to=back["seller_deleted_at"])
    assert [message["content"] for message in shown["data"]] == ["Hello again"]
