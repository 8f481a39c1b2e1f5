"""The hot path asks MongoDB nothing that no index answers, and a repeat costs what a new message costs."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.database import Database

from conversations import services
from conversations.requests import NewMessage, SeenMessages
from conversations.storage.writer import message_writer
from identity import Identity
from persistence.timestamps import from_milliseconds
from tests.conversations.commands import ASKED, conditions, unanswered
from tests.conversations.conftest import Emitted
from tests.conversations.drafting import draft

Store = Database[dict[str, Any]]


def written(content: str, client_message_id: str | None = None) -> NewMessage:
    return NewMessage(
        room_id="7.9", sender="7", recipient="9", type="TEXT", content=content, client_message_id=client_message_id
    )


async def test_whatever_a_message_asks_of_the_store_an_index_answers(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    """Sent, repeated, seen, edited and listed."""
    with ASKED.recording() as commands:
        sent = await services.send_message(buyer, written("hello", "c1"))
        assert (await services.send_message(buyer, written("hello", "c1"))).id == sent.id
        seen = SeenMessages(
            room_id=room, sender="9", recipient="7", last_message_id=sent.id, last_message_created_at=sent.created_at
        )
        await services.mark_seen(seller, seen)
        await services.mark_room_seen(seller, room)
        await services.edit_message(buyer, sent.id, "hello!")
    assert {next(iter(command)) for command in commands} >= {"insert", "update", "find", "findAndModify"}
    assert unanswered(database, commands) == []


async def test_what_changes_a_message_names_its_room(
    database: Store, chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    """A sharded collection finds the shard by it: up to MongoDB 7.0 a findAndModify without it is refused."""
    with ASKED.recording() as commands:
        sent = await services.send_message(buyer, written("hello", "c1"))
        await services.send_message(buyer, written("hello", "c1"))
        await services.mark_room_seen(seller, room)
        await services.edit_message(buyer, sent.id, "hello!")
        await services.redact_messages([sent.id], from_milliseconds(1_800_000_000_000), lambda messages: None)
        await services.unredact_message(sent.id, lambda unredact: unredact("hello!"))
    of_messages = [command for command in commands if next(iter(command.values())) == "cz_messages"]
    writes = [command for command in of_messages if next(iter(command)) in ("update", "delete", "findAndModify")]
    assert len(writes) >= 4
    assert [each for command in writes for each in conditions(command) if "room_id" not in each] == []
    assert all("room_id" in stored for command in of_messages for stored in command.get("documents", []))


@pytest.mark.parametrize("stored", [500, 2000])
async def test_a_repeat_examines_one_message_however_many_are_stored(
    database: Store, chat: Emitted, room: str, stored: int
) -> None:
    database.cz_messages.insert_many(
        [
            {"_id": f"m{n}", "room_id": f"{n % 5}.9" if n % 2 else room, "content": "x", "dedup_key": f"k{n}"}
            for n in range(stored)
        ]
    )
    first = await message_writer().write(draft("hello", "c1"))
    with ASKED.recording() as commands:
        assert await message_writer().write(draft("hello", "c1")) == first
    looked = [
        {name: command[name] for name in ("find", "filter", "limit") if name in command}
        for command in commands
        if "find" in command
    ]
    assert [command["find"] for command in looked] == ["cz_messages", "cz_rooms"]
    costs = [database.command("explain", command, verbosity="executionStats") for command in looked]
    assert [str(cost).count("COLLSCAN") for cost in costs] == [0, 0]
    assert [cost["executionStats"]["totalDocsExamined"] for cost in costs] == [1, 1]


def test_a_unique_key_serves_its_look_ups_and_may_be_missing(database: Store) -> None:
    indexes = {
        "cz_messages": ("message_once_in_room", [("room_id", 1), ("dedup_key", 1)], "dedup_key"),
        "moderation_report": ("report_once", [("open_key", 1)], "open_key"),
        "moderation_heldmessage": ("held_once", [("dedup_key", 1)], "dedup_key"),
    }
    for collection, (name, keys, nullable) in indexes.items():
        index = database[collection].index_information()[name]
        assert (index["key"], index["unique"]) == (keys, True)
        assert index["partialFilterExpression"] == {nullable: {"$gte": ""}}
