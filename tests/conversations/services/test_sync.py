"""What a sync tells: all that changed in the user's rooms since its token, as their side sees it, and nothing less."""

from __future__ import annotations

import datetime
import time
from typing import Any

import msgspec
import pytest
from pymongo.database import Database
from pytest_django import Settings

from conversations import services
from conversations.errors import RuleViolation
from conversations.requests import CreateRoom, NewMessage, SeenMessages
from conversations.services import sync
from conversations.services.sync import MARGIN, list_changes, sync_token, token_since
from identity import Identity, Role
from persistence.mongodb import in_store_thread
from persistence.store_clock import StoreClock, store_clock
from persistence.timestamps import UTC, to_wire
from tests.conversations.conftest import Rooms

Store = Database[dict[str, Any]]
Told = list[tuple[str, dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("chat")


@pytest.fixture
async def long_ago() -> datetime.datetime:
    """Older than any margin: what happens in a test is certainly later, what bears it is certainly not told."""
    now = await in_store_thread(store_clock.at, time.monotonic())
    return now - datetime.timedelta(days=3)


@pytest.fixture
async def before(database: Store, long_ago: datetime.datetime) -> str:
    """A token of an hour ago."""
    return token_since(long_ago + datetime.timedelta(days=3, hours=-1))


async def walk(who: Identity, since: str, limit: int = 100) -> tuple[Told, str]:
    """All pages: what they told, and the last token."""
    told: Told = []
    for _ in range(1000):
        page = await list_changes(who, who.role, since, limit)
        told += [(change["type"], change["data"]) for change in msgspec.json.decode(msgspec.json.encode(page.changes))]
        since = page.next
        if not page.more:
            return told, since
    raise AssertionError("it never ends")


def kinds(told: Told) -> list[str]:
    return [kind for kind, _ in told]


def written(content: str, room_id: str = "7.9", sender: str = "7", recipient: str = "9") -> NewMessage:
    return NewMessage(room_id=room_id, sender=sender, recipient=recipient, type="TEXT", content=content)


def old_message(number: int, at: datetime.datetime, **fields: Any) -> dict[str, Any]:
    return {
        "created_at": at,
        "_id": f"old{number}",
        "room_id": "7.9",
        "from": "7",
        "to": "9",
        "type": "TEXT",
        "content": f"old {number}",
        "is_seen": False,
        **fields,
    }


async def redact(message_id: str) -> None:
    at = datetime.datetime.now(UTC).replace(microsecond=0)
    await services.redact_messages([message_id], at, lambda originals: None)


async def test_without_a_token_there_is_one_for_now(buyer: Identity, room: str) -> None:
    page = await list_changes(buyer, Role.BUYER, None, 100)
    assert (page.changes, page.more) == ([], False)
    await services.send_message(buyer, written("hello"))
    told, _ = await walk(buyer, page.next)
    assert [data["content"] for kind, data in told if kind == "new_message"] == ["hello"]


async def test_who_missed_nothing_is_told_nothing(
    buyer: Identity, rooms: Rooms, before: str, long_ago: datetime.datetime
) -> None:
    rooms(("7", "9"), ("7", "10"), updated_at=long_ago)
    assert (await walk(buyer, before))[0] == []


async def test_messages_are_told_after_their_room_in_order(
    buyer: Identity, seller: Identity, rooms: Rooms, before: str
) -> None:
    rooms(("7", "9"), ("7", "10"))
    for content, other in (("a", "9"), ("b", "10"), ("c", "9")):
        await services.send_message(buyer, written(content, f"7.{other}", recipient=other))
    told, _ = await walk(buyer, before)
    assert [(kind, data.get("content") or data["_id"]) for kind, data in told] == [
        ("room", "7.10"),
        ("new_message", "b"),
        ("room", "7.9"),
        ("new_message", "a"),
        ("new_message", "c"),
    ]
    of_seller, _ = await walk(seller, before)
    assert [data["seller_unseen_messages"] for kind, data in of_seller if kind == "room"] == [2]


async def test_what_an_older_message_says_now_is_told(
    database: Store, buyer: Identity, room: str, before: str, long_ago: datetime.datetime
) -> None:
    database.cz_messages.insert_many([old_message(number, long_ago) for number in range(4)])
    await services.edit_message(buyer, "old1", "edited")
    await redact("old2")
    await redact("old3")
    await services.unredact_message("old3", lambda unredact: unredact("restored"))
    told, _ = await walk(buyer, before)
    assert [(kind, data["content"]) for kind, data in told if kind != "room"] == [
        ("message_updated", "edited"),
        ("message_redacted", "🚫"),
        ("message_updated", "restored"),
    ]
    assert told[0][0] == "room"  # before its messages


async def test_a_new_message_is_told_once_however_it_changed(buyer: Identity, room: str, before: str) -> None:
    sent = [await services.send_message(buyer, written(content)) for content in ("one", "two")]
    await services.edit_message(buyer, sent[0].id, "one!")
    await redact(sent[1].id)
    told, _ = await walk(buyer, before)
    assert [(kind, data.get("content")) for kind, data in told] == [
        ("room", None),
        ("new_message", "one!"),
        ("new_message", "🚫"),
    ]


async def test_both_sides_learn_who_has_seen_what(
    database: Store, buyer: Identity, seller: Identity, room: str, before: str, long_ago: datetime.datetime
) -> None:
    database.cz_messages.insert_one(old_message(1, long_ago))
    at = to_wire(long_ago)
    await services.mark_seen(
        seller,
        SeenMessages(room_id=room, sender="9", recipient="7", last_message_id="old1", last_message_created_at=at),
    )
    mark = {"room_id": "7.9", "from": "9", "to": "7", "last_message_id": "old1", "last_message_created_at": at}
    for who in (buyer, seller):
        told, _ = await walk(who, before)
        assert told[1:] == [("seen_messages", mark)]


async def test_a_mark_from_the_future_does_not_cover_what_is_still_to_come(
    buyer: Identity, seller: Identity, room: str, before: str
) -> None:
    await services.mark_seen(
        seller,
        SeenMessages(
            room_id=room,
            sender="9",
            recipient="7",
            last_message_id="nothing",
            last_message_created_at="2999-01-01T00:00:00.000Z",
        ),
    )
    sent = await services.send_message(buyer, written("later"))
    told, _ = await walk(buyer, before)
    [mark] = [data for kind, data in told if kind == "seen_messages"]
    assert mark["last_message_created_at"] < sent.created_at


async def test_every_act_on_a_room_is_told(
    database: Store, buyer: Identity, seller: Identity, rooms: Rooms, long_ago: datetime.datetime
) -> None:
    rooms(("7", "9"), updated_at=long_ago)

    async def told_of(act: Any) -> dict[str, Any]:
        database.cz_rooms.update_one({"_id": "7.9"}, {"$set": {"updated_at": long_ago}, "$unset": {"changed_at": ""}})
        since = token_since(datetime.datetime.now(UTC) - datetime.timedelta(hours=1))
        assert (await walk(buyer, since))[0] == []
        await act
        told, _ = await walk(buyer, since)
        assert kinds(told) == ["room"], told
        return told[0][1]

    now = datetime.datetime.now(UTC).replace(microsecond=0)
    assert (await told_of(services.pin_room(buyer, "7.9")))["pinned_by_buyer"]
    assert (await told_of(services.unpin_room(buyer, "7.9")))["pinned_by_buyer"] is None
    assert (await told_of(services.block_room(seller, "7.9")))["blocked_by"] == "SELLER"
    assert (await told_of(services.unblock_room(seller, "7.9")))["blocked_by"] is None
    assert (await told_of(services.close_room("7.9", now, lambda change: change())))["closed_at"] == to_wire(now)
    assert (await told_of(services.reopen_room("7.9", lambda change: change())))["closed_at"] is None
    assert (await told_of(services.mark_room_seen(buyer, "7.9")))["buyer_unseen_messages"] == 0
    assert (await told_of(services.delete_room(seller, "7.9")))["deleted_by_buyer"] is False


async def test_a_room_that_is_made_is_told_to_both(buyer: Identity, seller: Identity, before: str) -> None:
    await services.create_room(buyer, CreateRoom(buyer="7", seller="9"))
    assert [kinds((await walk(who, before))[0]) for who in (buyer, seller)] == [["room"], ["room"]]


async def test_a_deleted_room_goes_and_comes_back_with_what_is_later(
    buyer: Identity, seller: Identity, room: str, before: str
) -> None:
    await services.send_message(buyer, written("hidden"))
    await services.delete_room(buyer, room)
    told, _ = await walk(buyer, before)
    assert told == [
        ("room_deletion", {"room_id": "7.9", "seller": "9", "buyer": "7", "deletion_role": "BUYER"}),
    ]
    assert kinds((await walk(seller, before))[0]) == ["room", "new_message"]
    await services.send_message(seller, written("shown", sender="9", recipient="7"))
    told, _ = await walk(buyer, before)
    assert [(kind, data.get("content")) for kind, data in told] == [
        ("room_deletion", None),
        ("room", None),
        ("new_message", "shown"),
    ]


async def test_what_is_hidden_from_a_side_is_not_told_when_it_changes(
    database: Store, buyer: Identity, seller: Identity, room: str, before: str, long_ago: datetime.datetime
) -> None:
    database.cz_messages.insert_one(old_message(1, long_ago))
    database.cz_rooms.update_one({"_id": room}, {"$set": {"buyer_deleted_at": long_ago}})
    await redact("old1")
    assert kinds((await walk(buyer, before))[0]) == ["room"]
    assert kinds((await walk(seller, before))[0]) == ["room", "message_redacted"]


async def test_rooms_of_others_are_not_told(buyer: Identity, rooms: Rooms, before: str) -> None:
    rooms(("8", "9"), ("9", "7"), updated_at=datetime.datetime.now(UTC))  # in one of them 7 is the seller
    assert (await walk(buyer, before))[0] == []


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_pages_of_any_size_tell_the_same(
    database: Store, buyer: Identity, rooms: Rooms, before: str, long_ago: datetime.datetime, limit: int
) -> None:
    """Rooms of no, few and many messages, all of one instant in one of them; edits; a deletion in the middle."""
    now = datetime.datetime.now(UTC).replace(microsecond=0)
    rooms(*(("7", f"{other}") for other in range(10, 22)), updated_at=now)
    database.cz_messages.insert_many(
        [
            old_message(
                100 * other + number,
                now + datetime.timedelta(milliseconds=0 if other == 13 else number),
                room_id=f"7.{other}",
            )
            for other in range(10, 22)
            for number in range(10 if other in (13, 17) else other % 3)
        ]
        + [old_message(number, long_ago, room_id="7.20", changed_at=now) for number in range(5)]
    )
    database.cz_rooms.update_one({"_id": "7.20"}, {"$set": {"messages_changed_at": now}})
    database.cz_rooms.update_one(
        {"_id": "7.17"}, {"$set": {"buyer_deleted_at": now + datetime.timedelta(milliseconds=3)}}
    )
    told, _ = await walk(buyer, before, limit)
    new = [data["_id"] for kind, data in told if kind == "new_message"]
    expected = [
        f"old{100 * other + number}"
        for other in range(10, 22)
        for number in range(4 if other == 17 else 0, 10 if other in (13, 17) else other % 3)
    ]
    assert new == expected
    assert [data["_id"] for kind, data in told if kind == "room"] == [f"7.{other}" for other in range(10, 22)]
    assert [data["_id"] for kind, data in told if kind == "message_updated"] == [f"old{n}" for n in range(5)]
    assert kinds(told).count("room_deletion") == 1


async def test_long_messages_make_short_pages(
    database: Store, buyer: Identity, room: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "MOST_CHARACTERS", 25)
    for _ in range(5):
        await services.send_message(buyer, written("ten chars."))
    page = await list_changes(buyer, Role.BUYER, before, 100)
    assert page.more and len(page.changes) == 3
    assert kinds((await walk(buyer, before))[0]) == ["room"] + 5 * ["new_message"]


async def test_what_changes_while_pages_are_read_is_told_by_the_next_sync(
    buyer: Identity, rooms: Rooms, before: str
) -> None:
    now = datetime.datetime.now(UTC)
    rooms(("7", "10"), ("7", "9"), updated_at=now)
    first = await list_changes(buyer, Role.BUYER, before, 1)
    assert [change.data.id for change in first.changes] == ["7.10"] and first.more  # type: ignore[union-attr]
    await services.send_message(buyer, written("behind", "7.10", recipient="10"))
    told, end = await walk(buyer, first.next, 1)
    assert [data["_id"] for _, data in told] == ["7.9"]
    told, _ = await walk(buyer, end)
    assert [data["content"] for kind, data in told if kind == "new_message"] == ["behind"]


@pytest.mark.parametrize("behind", [0, 5, 14])
async def test_a_process_whose_clock_is_wrong_by_seconds_is_covered(
    database: Store, buyer: Identity, room: str, behind: int
) -> None:
    """It writes after a token was given, with an instant from before."""
    token = await sync_token()
    at = datetime.datetime.now(UTC) - datetime.timedelta(seconds=behind)
    database.cz_messages.insert_one(old_message(1, at))
    database.cz_rooms.update_one({"_id": room}, {"$set": {"updated_at": at}})
    assert kinds((await walk(buyer, token))[0]) == ["room", "new_message"]


async def test_the_store_tells_the_time_not_the_clock_of_the_process(
    migrated: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datetime.datetime.now(UTC)
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    told = await in_store_thread(StoreClock().at, time.monotonic())
    assert abs(told - real) < datetime.timedelta(seconds=5)
    earlier = await in_store_thread(store_clock.at, time.monotonic() - 60)
    assert abs(real - earlier - datetime.timedelta(minutes=1)) < datetime.timedelta(seconds=5)


@pytest.mark.parametrize("token", ["", "x", "é", "W10", "WyJyb29tcyJd", 7000 * "A"])
async def test_what_is_no_token_is_refused(buyer: Identity, room: str, token: str) -> None:
    with pytest.raises(RuleViolation, match="`since`") as refused:
        await list_changes(buyer, Role.BUYER, token, 100)
    assert refused.value.code == "validation_failed"


async def test_a_token_within_a_sync_is_of_one_side(buyer: Identity, rooms: Rooms, before: str) -> None:
    rooms(("7", "10"), ("7", "9"), updated_at=datetime.datetime.now(UTC))
    page = await list_changes(buyer, Role.BUYER, before, 1)
    with pytest.raises(RuleViolation) as refused:
        await list_changes(buyer, Role.SELLER, page.next, 1)
    assert refused.value.code == "validation_failed"


async def test_a_token_that_is_too_old_says_so(
    buyer: Identity, settings: Settings, long_ago: datetime.datetime
) -> None:
    settings.SYNC_WINDOW = 2 * 24 * 3600
    with pytest.raises(RuleViolation, match="load rooms and messages anew") as refused:
        await list_changes(buyer, Role.BUYER, token_since(long_ago), 100)
    assert refused.value.code == "sync_too_old"
    settings.SYNC_WINDOW = 0
    assert (await list_changes(buyer, Role.BUYER, token_since(long_ago), 100)).more is False


async def test_a_token_of_a_clock_that_was_set_back_says_so(buyer: Identity, long_ago: datetime.datetime) -> None:
    later = long_ago + datetime.timedelta(days=3) + 2 * MARGIN
    with pytest.raises(RuleViolation) as refused:
        await list_changes(buyer, Role.BUYER, token_since(later), 100)
    assert refused.value.code == "sync_too_old"
