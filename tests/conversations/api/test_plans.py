"""The lists find their documents by an index and read few more than they answer with: MongoDB's own word for it.

What is explained are the queries that the services sent to answer a call, not copies of them.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from conversations.services import history, room_list
from conversations.sockets.statuses import announce_status, send_active_user_list
from identity import Role
from tests.conversations.api.conftest import App
from tests.conversations.commands import ASKED, unanswered
from tests.conversations.conftest import person

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2020, 10, 11)
DAYS, A_DAY = 35, 20


class Recorded:
    """A collection that remembers what it was asked."""

    def __init__(self, collection: Collection[dict[str, Any]], commands: list[dict[str, Any]]) -> None:
        self._collection = collection
        self._commands = commands

    def find_one(self, condition: dict[str, Any], *arguments: Any) -> Any:
        return self._collection.find_one(condition, *arguments)

    def find(self, condition: dict[str, Any], *arguments: Any, **options: Any) -> Any:
        shaped = {**options, "sort": dict(options["sort"])} if "sort" in options else options
        self._commands.append({"find": self._collection.name, "filter": condition, **shaped})
        return self._collection.find(condition, *arguments, **options)

    def aggregate(self, pipeline: list[dict[str, Any]]) -> Any:
        self._commands.append({"aggregate": self._collection.name, "pipeline": pipeline, "cursor": {}})
        return self._collection.aggregate(pipeline)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the services ask of the store."""
    asked: list[dict[str, Any]] = []
    for module in (history, room_list):
        durable: Callable[..., Any] = module.durable
        monkeypatch.setattr(module, "durable", lambda model, durable=durable: Recorded(durable(model), asked))
    return asked


@pytest.fixture
def store(database: Store) -> Store:
    """Fifty rooms, ten of them of seller 9; in one of these there were twenty messages a day for five weeks."""
    database.cz_rooms.insert_many(
        [
            {"_id": f"{n}.{9 + n % 5}", "buyer": str(n), "seller": str(9 + n % 5), "seller_unseen_messages": n % 2}
            for n in range(5, 55)
        ]
    )
    database.cz_messages.insert_many(
        [
            {
                "_id": f"m{n:04}", "room_id": "5.9", "from": "59"[n % 2], "to": "95"[n % 2], "content": "x",
                "is_seen": n < DAYS * A_DAY - 10, "created_at": THEN + datetime.timedelta(days=n / A_DAY),
            }
            for n in range(DAYS * A_DAY)
        ]
    )  # fmt: skip
    last = {"_id": "m0699", "created_at": THEN + datetime.timedelta(days=DAYS - 1 / A_DAY)}
    database.cz_rooms.update_one({"_id": "5.9"}, {"$set": {"seller_last_message": last, "created_at": THEN}})
    return database


def plan(store: Store, command: dict[str, Any]) -> str:
    return str(store.command({"explain": command, "verbosity": "queryPlanner"}))


def examined(store: Store, command: dict[str, Any]) -> int:
    """How many documents MongoDB read."""

    def most(part: Any) -> int:
        """Of an aggregation it is said in several places."""
        if isinstance(part, dict):
            return max([int(part.get("totalDocsExamined", 0)), *map(most, part.values())])
        return max(map(most, part), default=0) if isinstance(part, list) else 0

    return most(store.command({"explain": command, "verbosity": "executionStats"}))


LATE = (THEN + datetime.timedelta(days=DAYS / 2)).isoformat()
CALLS: list[tuple[str, dict[str, Any], int]] = [
    ("/rooms", {}, 10),
    ("/rooms", {"limit": 3}, 13),
    ("/rooms", {"name": "x", "pinned": "1"}, 10),
    ("/rooms/unseen", {}, 10),
    ("/messages", {"room_id": "5.9"}, A_DAY + 1),
    ("/messages", {"room_id": "5.9", "created_at": 1}, A_DAY),
    ("/messages", {"room_id": "5.9", "from": LATE}, A_DAY),
    ("/messages", {"room_id": "5.9", "to": LATE, "created_at": 1}, A_DAY),
    ("/messages", {"room_id": "5.9", "to": LATE, "from": LATE}, 0),
    ("/messages/unseen", {"room_id": "5.9"}, 2 * 4 * 5),
]


@pytest.mark.parametrize(("path", "query", "most"), CALLS)
async def test_a_list_is_found_by_an_index(
    store: Store, commands: list[dict[str, Any]], seller_app: App, path: str, query: dict[str, Any], most: int
) -> None:
    assert (await seller_app.get(path, **query)).status == 200
    assert commands
    for command in commands:
        assert "COLLSCAN" not in plan(store, command), command
        assert "IXSCAN" in plan(store, command) or "IDHACK" in plan(store, command), command
    assert sum(examined(store, command) for command in commands) <= most


async def test_a_late_page_costs_what_an_early_one_does(
    store: Store, commands: list[dict[str, Any]], seller_app: App
) -> None:
    """Forty pages on, no more documents are read than for the second page: no page is counted through."""
    cursor, costs = None, []
    for _ in range(40):
        body = (await seller_app.get("/messages", room_id="5.9", **({"cursor": cursor} if cursor else {}))).body
        costs.append(sum(examined(store, command) for command in commands))
        commands.clear()
        cursor = body["next_cursor"]
    assert cursor is not None
    assert max(costs) <= 2 * A_DAY


async def test_whatever_a_call_asks_of_the_store_an_index_answers(
    database: Store, buyer_app: App, seller_app: App
) -> None:
    """Every call of rooms and messages; and what their devices ask when they connect."""
    message = {"room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "hello", "client_message_id": "c"}
    with ASKED.recording() as commands:
        statuses = [
            (await buyer_app.post("/rooms", {"buyer": "7", "seller": "9", "buyer_info": {"name": "An"}})).status,
            (await buyer_app.post("/messages", message)).status,
            (sent := await buyer_app.post("/messages", message)).status,
            (await buyer_app.put(f"/messages/{sent.body['_id']}", {"content": "hello!"})).status,
        ]
        for app in (buyer_app, seller_app):
            for path in ("/rooms", "/rooms/unseen", "/rooms/7.9"):
                statuses.append((await app.get(path)).status)
            statuses.append((await app.get("/messages", room_id="7.9", limit=1)).status)
            statuses.append((await app.get("/messages/unseen", room_id="7.9")).status)
            statuses.append((await app.get("/search", q="hello")).status)
            statuses.append((await app.get("/search", q="hello", room_id="7.9")).status)
            statuses.append((await app.post("/rooms/7.9/pin")).status)
            statuses += [(await app.put(path)).status for path in ("/rooms/7.9/seen", "/rooms/7.9/enable")]
            for block in (True, False):
                statuses.append((await app.post("/rooms/7.9/block", {"block": block})).status)
            statuses += [(await app.delete(path)).status for path in ("/rooms/7.9/pin", "/rooms/7.9")]
        await announce_status("7")
        await send_active_user_list(person("9", Role.SELLER), time.monotonic())
    assert [status for status in statuses if status >= 300] == []
    assert len(commands) > 50
    assert unanswered(database, commands) == []
