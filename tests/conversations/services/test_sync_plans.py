"""What a sync costs: the user's rooms, projected, and one range of an index, of which it reads what it tells."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from pymongo.database import Database

from conversations.payloads import ChangePage
from conversations.services.sync import list_changes, token_since
from identity import Identity, Role
from persistence.engine.operations import DatabaseOperations
from persistence.timestamps import UTC
from tests.conversations.commands import ASKED, Command, serving
from tests.conversations.conftest import Rooms

Store = Database[dict[str, Any]]
NOW = datetime.datetime.now(UTC).replace(microsecond=0)
LONG_AGO = NOW - datetime.timedelta(days=3)
ROOMS, OLD, NEW, EDITED = 30, 60, 4, 3


@pytest.fixture
def store(database: Store, rooms: Rooms) -> Store:
    """Thirty rooms of buyer 7, each with an old history, a few new messages, and a few edited ones."""
    others = range(100, 100 + ROOMS)
    rooms(*(("7", f"{other}") for other in others), updated_at=NOW, messages_changed_at=NOW)
    rooms(*(("8", f"{other}") for other in others), updated_at=NOW, messages_changed_at=NOW)
    database.cz_messages.insert_many(
        [
            {
                "_id": f"m{buyer}.{other}.{number:03}",
                "room_id": f"{buyer}.{other}",
                "content": "x",
                "created_at": (LONG_AGO if number < OLD else NOW) + datetime.timedelta(milliseconds=number),
                **({"changed_at": NOW} if number < EDITED else {}),
            }
            for buyer in "78"
            for other in others
            for number in range(OLD + NEW)
        ]
    )
    return database


async def pages(buyer: Identity, limit: int) -> list[tuple[ChangePage, list[Command]]]:
    """Each page, and what it asked of the store about rooms and messages."""
    since, read = token_since(NOW - datetime.timedelta(hours=1)), []
    while True:
        with ASKED.recording() as commands:
            page = await list_changes(buyer, Role.BUYER, since, limit)
        read.append((page, commands))
        if not page.more:
            return read
        since = page.next


def about_messages(commands: list[Command]) -> list[Command]:
    return [command for command in commands if next(iter(command.values())) == "cz_messages"]


async def test_a_page_is_one_range_of_an_index_as_mongodb_has_it(
    store: Store, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By MongoDB's rules: the tests' engine asks room by room."""
    asked_at_once = DatabaseOperations.key_conditions
    monkeypatch.setattr(
        type(connection.ops), "key_conditions", lambda ops, field, keys: asked_at_once(ops, field, keys)
    )
    read = await pages(buyer, 20)
    told = [change for page, _ in read for change in page.changes]
    assert len(told) == ROOMS * (1 + NEW + EDITED)
    used = {"message_history": 0, "message_changes": 0}
    for _, commands in read:
        [command] = about_messages(commands)
        condition, order = command["filter"], list(command["sort"])
        [index] = [
            name
            for name, each in store.cz_messages.index_information().items()
            if [field for field, _ in each["key"]] == order
        ]
        assert set(condition) == set(order[:2])  # a range below each room, in the order of the index
        assert index in used and None not in serving(store, command)
        used[index] += 1
        assert command["limit"] <= 21
    assert all(used.values())


async def test_of_messages_no_more_is_read_than_is_told(store: Store, buyer: Identity) -> None:
    """Among 3,840, most of them older, or of others."""
    read = await pages(buyer, 100)
    examined = 0
    for _, commands in read:
        for command in about_messages(commands):
            asked = {name: command[name] for name in ("find", "filter", "sort", "limit")}
            cost = store.command("explain", asked, verbosity="executionStats")
            assert "COLLSCAN" not in str(cost)
            examined += cost["executionStats"]["totalDocsExamined"]
    # a room that does not fit on a page is told on the next one: of it, so many may be read twice
    assert ROOMS * (NEW + EDITED) <= examined <= ROOMS * (NEW + EDITED) + len(read) * NEW


async def test_rooms_are_found_by_their_side_and_read_projected(store: Store, buyer: Identity) -> None:
    for _, commands in await pages(buyer, 20):
        [own, *told] = [command for command in commands if next(iter(command.values())) == "cz_rooms"]
        assert serving(store, own) == ["room_buyer"] and "$project" in own["pipeline"][-1]
        assert all(set(command["filter"]) == {"_id"} for command in told)


async def test_who_missed_nothing_costs_one_read_of_rooms(store: Store, buyer: Identity) -> None:
    store.cz_rooms.update_many({}, {"$set": {"updated_at": LONG_AGO}})
    [(page, commands)] = await pages(buyer, 100)
    assert page.changes == []
    assert [next(iter(command.values())) for command in commands] == ["cz_rooms"]
