"""What a process stored and did not announce before it died, another one announces."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pymongo.database import Database

from conversations.storage.checkpoint import PREFIX, checkpoint_of
from conversations.storage.message_ids import MessageIds, first_id_at
from conversations.storage.writer import announce_for_dead_process, close_message_writer, message_writer
from persistence.availability import StoreUnavailable
from persistence.redis_client import redis
from presence import current as current_presence
from tests.conversations.conftest import Emitted
from tests.conversations.drafting import Outage, draft
from tests.eventually import eventually

Store = Database[dict[str, Any]]


@pytest_asyncio.fixture(autouse=True)
async def no_checkpoints(redis_server: None) -> AsyncIterator[None]:
    yield
    await close_message_writer()
    for key in redis().keys(f"{PREFIX}*"):
        redis().delete(key)


def left(database: Store, ids: MessageIds, content: str, room_id: str = "7.9", *, age: int = 0) -> str:
    """Store a message as another process does, without its room; `age`: seconds."""
    message_id, created_at = ids.next()
    if age:
        message_id = first_id_at(created_at - datetime.timedelta(seconds=age)) + message_id[10:]
    buyer, seller = room_id.split(".")
    database.cz_messages.insert_one(
        {
            "_id": message_id,
            "created_at": created_at,
            "room_id": room_id,
            "from": buyer,
            "to": seller,
            "type": "TEXT",
            "content": content,
            "is_seen": False,
        }
    )
    return message_id


async def test_what_a_dead_process_left_is_announced_in_order_and_shown_by_its_room(
    database: Store, chat: Emitted, room: str
) -> None:
    dead, alive = MessageIds(), MessageIds()
    left(database, dead, "announced")
    redis().set(f"{PREFIX}dead", dead.next()[0])
    for number in range(3):
        left(database, dead, f"left {number}")
        left(database, alive, "another process announces this itself")
    await announce_for_dead_process("dead")
    assert [payload["content"] for payload in chat.payloads("new_message")] == ["left 0", "left 1", "left 2"]
    await eventually(lambda: (database.cz_rooms.find_one({"_id": room}) or {}).get("seller_unseen_messages", 0) > 0)
    assert await checkpoint_of("dead") is None
    await announce_for_dead_process("dead")
    assert len(chat.payloads("new_message")) == 3


async def test_a_process_that_never_stored_anything_left_nothing(database: Store, chat: Emitted) -> None:
    left(database, MessageIds(), "of another one")
    await announce_for_dead_process("nobody")
    assert chat.all == []


async def test_messages_of_long_ago_are_not_announced(database: Store, chat: Emitted, room: str) -> None:
    """Redis was away for long: who is connected now has loaded them."""
    dead = MessageIds()
    redis().set(f"{PREFIX}dead", left(database, dead, "announced", age=7200))
    left(database, dead, "an hour ago", age=3600)
    left(database, dead, "left")
    database.cz_messages.insert_one({"_id": "ckold" + "0" * 20, "room_id": room, "content": "of the old service"})
    await announce_for_dead_process("dead")
    assert [payload["content"] for payload in chat.payloads("new_message")] == ["left"]


async def test_the_checkpoint_follows_what_is_announced(database: Store, chat: Emitted, room: str) -> None:
    process_id = current_presence().process_id
    for number in range(3):
        written = await message_writer().write(draft(str(number)))
        await eventually(lambda: (noted(process_id) or "") > written.id)  # noqa: B023  asked now
    await announce_for_dead_process(process_id)
    assert len(chat.payloads("new_message")) == 3, "each once"


async def test_the_checkpoint_stays_before_a_message_that_may_be_stored(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process_id = current_presence().process_id
    await message_writer().write(draft("announced"))
    end = Outage(monkeypatch).of("insert_many", after=True)
    with pytest.raises(StoreUnavailable):
        await message_writer().write(draft("stored all the same"))
    stored = database.cz_messages.find_one({"content": "stored all the same"})
    assert stored is not None
    assert (noted(process_id) or "") < stored["_id"]
    end()
    await eventually(lambda: (noted(process_id) or "") > stored["_id"])
    assert [payload["content"] for payload in chat.payloads("new_message")] == ["announced", "stored all the same"]


async def test_who_ends_in_good_order_leaves_nothing(database: Store, chat: Emitted, room: str) -> None:
    process_id = current_presence().process_id
    await message_writer().write(draft())
    await eventually(lambda: noted(process_id) is not None)
    await close_message_writer()
    assert noted(process_id) is None


def noted(process_id: str) -> str | None:
    found: bytes | None = redis().get(PREFIX + process_id)
    return None if found is None else found.decode()
