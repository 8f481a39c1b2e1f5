"""What the store did not get to: queued, repaired when the store is back, and announced once."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from conversations import services
from conversations.payloads import Change, MessageUpdated, RoomState
from conversations.storage import repair, writer
from conversations.storage.repair import RepairQueue
from conversations.storage.writer import message_writer
from identity import Identity, Role
from persistence.availability import StoreUnavailable
from persistence.mongodb import in_message_thread
from persistence.timestamps import UTC
from tests.conversations.conftest import Emitted
from tests.conversations.drafting import Outage, draft
from tests.eventually import eventually

Store = Database[dict[str, Any]]


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.05)
    return Outage(monkeypatch)


async def test_while_the_store_is_away_senders_are_told_and_afterwards_it_goes_on(
    database: Store, chat: Emitted, room: str, outage: Outage
) -> None:
    end = outage.of("insert_many")
    with pytest.raises(StoreUnavailable):
        await message_writer().write(draft("hello", "c1"))
    assert chat.all == []
    end()
    await message_writer().write(draft("hello", "c1"))
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 1
    assert len(chat.all) == 1


async def test_an_insert_that_arrived_though_it_failed_is_found_counted_and_announced_once(
    database: Store, chat: Emitted, room: str, outage: Outage
) -> None:
    end = outage.of("insert_many", after=True)
    with pytest.raises(StoreUnavailable):
        await message_writer().write(draft("hello", "c1"))
    end()
    await eventually(lambda: len(chat.all) == 1)
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 1
    repeated = await message_writer().write(draft("hello", "c1"))
    assert kept["seller_last_message"]["_id"] == repeated.id == chat.payloads("new_message")[0]["_id"]
    assert len(chat.all) == database.cz_messages.count_documents({}) == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_message_whose_room_could_not_be_updated_is_announced_and_its_summary_rebuilt(
    database: Store, chat: Emitted, room: str, outage: Outage, after: bool
) -> None:
    end = outage.of("update_many", after=after)
    written = await message_writer().write(draft("hello", "c1"))
    assert len(chat.all) == 1
    end()

    def rebuilt() -> bool:
        kept = database.cz_rooms.find_one({"_id": room})
        return bool(kept and kept.get("seller_last_message", {}).get("_id") == written.id)

    await eventually(rebuilt)
    assert await message_writer().write(draft("hello", "c1")) == written
    await message_writer().write(draft("next"))
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 2
    assert len(chat.all) == 2


async def test_a_repeat_of_a_message_that_a_dead_process_left_half_done_completes_it(
    database: Store, chat: Emitted, room: str, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "GRACE", 0.3)
    end = outage.of("update_many")
    left = await message_writer().write(draft("hello", "c1"))
    message_writer().repairs = RepairQueue()  # the process died here, and remembers nothing
    chat.all.clear()
    end()
    assert (await message_writer().write(draft("hello", "c1"))).id == left.id
    assert chat.all == []  # another process might be just about to announce it
    await eventually(lambda: len(chat.all) == 1)
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["seller_unseen_messages"], kept["seller_last_message"]["_id"]) == (1, left.id)


async def test_what_is_queued_is_repaired_a_part_at_a_time(
    database: Store, chat: Emitted, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rooms an outage left behind, no visit to the store has to be long enough for all of them."""
    monkeypatch.setattr(repair, "AT_ONCE", 4)
    buyers = [str(number) for number in range(100, 110)]
    database.cz_rooms.insert_many([{"_id": f"{buyer}.9", "buyer": buyer, "seller": "9"} for buyer in buyers])
    end = outage.of("insert_many", after=True)
    sent = [message_writer().write(draft(buyer=buyer)) for buyer in buyers]
    assert all(isinstance(refused, StoreUnavailable) for refused in await asyncio.gather(*sent, return_exceptions=True))
    visits: list[int] = []
    real = in_message_thread

    async def counted(work: Callable[[list[Any]], Any], entries: list[Any]) -> Any:
        visits.append(len(entries))
        return await real(work, entries)

    monkeypatch.setattr(repair, "in_message_thread", counted)
    end()
    await eventually(lambda: len(chat.all) == 10)
    assert visits == [4, 4, 2]
    assert [room["seller_unseen_messages"] for room in database.cz_rooms.find()] == [1] * 10
    announced = [(payload["created_at"], payload["_id"]) for payload in chat.payloads("new_message")]
    assert announced == sorted(announced)


async def test_a_room_that_cannot_be_repaired_stops_nobody_elses_messages(
    database: Store, chat: Emitted, room: str, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(room: Any, messages: Any) -> None:
        raise TypeError("a room that nobody can read")

    monkeypatch.setattr(repair, "rebuild_room_summary", broken)
    end = outage.of("insert_many", after=True)
    with pytest.raises(StoreUnavailable):
        await message_writer().write(draft("hello", "c1"))
    end()
    await message_writer().write(draft("another"))
    assert [payload["content"] for payload in chat.payloads("new_message")] == ["hello", "another"]


async def test_what_is_repaired_is_as_it_has_become_meanwhile(
    database: Store, chat: Emitted, room: str, outage: Outage
) -> None:
    """Redacted, edited or seen before its room could be told: the room must not show what it said before."""
    end = outage.of("update_many")
    written = await message_writer().write(draft("what must not be said"))
    change = {"content": "-", "is_seen": True}
    database.cz_messages.find_one_and_update({"_id": written.id}, {"$set": change})
    end()
    await message_writer().write(draft("to the buyer", sender="9", recipient="7", receiver=Role.BUYER, room_id="6.9"))
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert {name: kept["seller_last_message"][name] for name in change} == change
    assert kept["seller_unseen_messages"] == 0


async def test_a_defect_after_the_insert_loses_no_message_of_the_batch(
    database: Store, chat: Emitted, room: str, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await message_writer().write(draft("hello", "c1"))

    def broken(room: Any, message: Any) -> bool:
        raise TypeError("a room that nobody can read")

    monkeypatch.setattr(writer, "is_behind", broken)
    sent = [message_writer().write(one) for one in (draft("hello", "c1"), draft("of somebody else"))]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    assert [type(answer) for answer in answers] == [TypeError, TypeError]
    await eventually(lambda: len(chat.all) == 2)
    assert [payload["content"] for payload in chat.payloads("new_message")] == ["hello", "of somebody else"]
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["seller_unseen_messages"] == 2
    assert chat.payloads("new_message")[0]["_id"] == first.id


async def test_a_repeat_whose_first_was_deleted_in_that_moment_is_refused_and_not_announced(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await message_writer().write(draft("hello", "c1"))
    real = Collection.insert_many

    def and_deleted(collection: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return real(collection, *args, **kwargs)
        finally:
            database.cz_messages.delete_many({})

    monkeypatch.setattr(Collection, "insert_many", and_deleted)
    with pytest.raises(StoreUnavailable, match="could not be stored"):
        await message_writer().write(draft("hello", "c1"))
    assert len(chat.all) == 1


async def test_a_sync_finds_what_a_dead_process_left_half_done_long_ago(
    database: Store, chat: Emitted, room: str, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own time it is too old to be among the new messages."""
    monkeypatch.setattr(repair, "GRACE", 0.0)
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.05)
    sent = await message_writer().write(draft("hello", "c1"))
    long_ago = datetime.datetime.now(UTC) - datetime.timedelta(hours=1)
    database.cz_messages.update_one({"_id": sent.id}, {"$set": {"created_at": long_ago}})
    database.cz_rooms.update_one(
        {"_id": room},
        {"$set": {"updated_at": long_ago}, "$unset": {"buyer_last_message": "", "seller_last_message": ""}},
    )
    token = await services.sync_token()
    assert (await services.list_changes(buyer, Role.BUYER, token, 100)).changes == []
    await message_writer().write(draft("hello", "c1"))
    await eventually(lambda: len(chat.all) == 2)
    changes: list[Change] = []
    more = True
    while more:
        page = await services.list_changes(buyer, Role.BUYER, token, 100)
        changes += page.changes
        token, more = page.next, page.more
    assert [type(change) for change in changes] == [RoomState, MessageUpdated]


async def test_a_message_that_takes_long_to_the_store_is_marked_for_syncs(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.05)
    await message_writer().write(draft("in time"))
    monkeypatch.setattr(writer, "TIMEOUT", 0.0)
    late = await message_writer().write(draft("late"))
    await eventually(lambda: database.cz_messages.find_one({"_id": late.id, "changed_at": {"$ne": None}}))
    assert database.cz_messages.count_documents({"changed_at": {"$ne": None}}) == 1
    # The room is marked behind the message.
    kept = await eventually(lambda: database.cz_rooms.find_one({"_id": room, "messages_changed_at": {"$ne": None}}))
    assert kept["seller_unseen_messages"] == 2
    assert len(chat.all) == 2
