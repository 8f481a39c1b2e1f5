"""The way to MongoDB, when it is away."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect, NotPrimaryError, ServerSelectionTimeoutError

from conversations.models import Room
from persistence import mongodb as store
from persistence.availability import StoreUnavailable
from persistence.mongodb import THREADS, atomically, in_store_thread, until_done


async def test_while_the_store_is_away_nobody_waits_for_all_who_asked_before(
    database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TIMEOUT", 0.2)
    visits: list[int] = []

    def in_vain(number: int) -> None:
        visits.append(number)
        time.sleep(0.25)
        raise AutoReconnect("connection closed")

    answers = await asyncio.gather(*(in_store_thread(in_vain, number) for number in range(40)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 40
    assert len(visits) <= 3 * THREADS


async def test_a_store_that_is_only_busy_is_waited_for(
    database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "TIMEOUT", 0.2)
    with pytest.raises(StoreUnavailable):
        await in_store_thread(_fail)
    assert await in_store_thread(lambda: "back") == "back"

    def busy(number: int) -> int:
        time.sleep(0.1)
        return number

    assert await asyncio.gather(*(in_store_thread(busy, number) for number in range(20))) == list(range(20))


def _fail() -> None:
    raise AutoReconnect("connection closed")


def test_what_may_be_done_twice_is_done_again_where_the_primary_went() -> None:
    """The driver repeats single writes itself, not `update_many`."""
    errors = [NotPrimaryError("not primary"), AutoReconnect("connection closed")]

    def statement() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert until_done(statement) == "done"


def test_what_may_be_done_twice_ends_with_the_time_of_its_operation() -> None:
    def statement() -> None:
        raise ServerSelectionTimeoutError("no primary")

    with pytest.raises(ServerSelectionTimeoutError):
        until_done(statement)


async def test_a_transaction_begins_anew_where_somebody_else_wrote_the_same_by_the_orm_too(
    database: Database[dict[str, Any]],
) -> None:
    database.cz_rooms.insert_one({"_id": "7.9", "shop_id": "a"})
    others = [1, 2]

    def work() -> str:
        room = Room.objects.get(pk="7.9")
        if others:
            change = {"$set": {"shop_id": f"b{others.pop()}"}}
            with ThreadPoolExecutor(1) as thread:
                thread.submit(database.cz_rooms.update_one, {"_id": "7.9"}, change).result()
        Room.objects.filter(pk="7.9").update(shop_id=f"{room.shop_id}!")
        return str(room.shop_id)

    assert await in_store_thread(atomically, work) == "b1"
    stored = database.cz_rooms.find_one({"_id": "7.9"})
    assert stored is not None and stored["shop_id"] == "b1!"
