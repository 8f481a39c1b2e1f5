"""Retention: what is older than a number of days goes, what is younger stays, and rooms agree with what is left."""

from __future__ import annotations

import datetime
import secrets
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from moderation.services import delete_older, retention
from moderation.staff import Staff
from tests.moderation.conftest import Store, acts

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def stored(database: Store, name: str, room_id: str, days_ago: float, **fields: Any) -> dict[str, Any]:
    buyer, seller = room_id.split(".")
    message = {
        "created_at": NOW - datetime.timedelta(days=days_ago),
        "_id": name,
        "room_id": room_id,
        "from": buyer,
        "to": seller,
        "content": name,
        **fields,
    }
    database.cz_messages.insert_one(message)
    return message


@pytest.fixture
def rooms(database: Store, room: str) -> Store:
    """7.9 with old and young messages, 7.10 with old ones alone."""
    database.cz_rooms.insert_one({"_id": "7.10", "buyer": "7", "seller": "10"})
    for number in range(25):
        stored(database, f"old{number}", room, 40 + number)
    young = [stored(database, f"young{number}", room, number) for number in range(3)]
    last = [stored(database, f"elsewhere{number}", "7.10", 50 - number) for number in range(5)][-1]
    database.cz_rooms.update_one(
        {"_id": room},
        {"$set": {"buyer_last_message": young[0], "seller_last_message": young[0], "seller_unseen_messages": 28}},
    )
    database.cz_rooms.update_one(
        {"_id": "7.10"},
        {"$set": {"buyer_last_message": last, "seller_last_message": last, "seller_unseen_messages": 5}},
    )
    stored(database, "timeless", room, 0)
    database.cz_messages.update_one({"_id": "timeless"}, {"$unset": {"created_at": ""}, "$set": {"is_seen": True}})
    return database


def left(database: Store) -> set[str]:
    return {found["_id"] for found in database.cz_messages.find()}


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_old_messages_go_and_rooms_agree_with_what_is_left(rooms: Store, batch: int) -> None:
    output = StringIO()
    call_command("retain_messages", "--days", "30", "--batch", str(batch), stdout=output)
    assert output.getvalue() == "30 messages older than 30 days were deleted.\n"
    assert left(rooms) == {"young0", "young1", "young2", "timeless"}
    kept = {found["_id"]: found for found in rooms.cz_rooms.find()}
    assert kept["7.9"]["buyer_last_message"]["_id"] == "young0"
    assert kept["7.9"]["seller_unseen_messages"] == 3
    assert "buyer_last_message" not in kept["7.10"] and "seller_last_message" not in kept["7.10"]
    assert kept["7.10"]["seller_unseen_messages"] == 0
    assert acts(rooms) == ["messages.expired"]


def test_what_moderation_keeps_of_them_goes_too(rooms: Store) -> None:
    old, young = NOW - datetime.timedelta(days=40), NOW - datetime.timedelta(days=1)
    for message_id in ("old1", "young1"):
        rooms.cz_messages.update_one({"_id": message_id}, {"$set": {"redacted_at": young}})
        rooms.moderation_redactedoriginal.insert_one({"_id": message_id, "content": "x"})
    for at in (old, young):
        rooms.moderation_heldmessage.insert_one({"held_at": at, "content": "x"})
        rooms.moderation_filterhit.insert_one({"at": at, "text": "x"})
    call_command("retain_messages", "--days", "30", stdout=StringIO())
    assert [found["_id"] for found in rooms.moderation_redactedoriginal.find()] == ["young1"]
    assert rooms.moderation_heldmessage.count_documents({}) == rooms.moderation_filterhit.count_documents({}) == 1


def test_uploaded_images_that_only_moderation_knew_of_go_too(rooms: Store) -> None:
    """Of a message that was redacted, and of one that was held back and never sent."""
    old, young = NOW - datetime.timedelta(days=40), NOW - datetime.timedelta(days=1)
    redacted, dropped, released = (f"2026/11/{secrets.token_hex(16)}" for _ in range(3))
    for name in (redacted, dropped, released):
        default_storage.save(f"{name}.jpg", ContentFile(b"a picture"))
    rooms.cz_messages.update_one({"_id": "old1"}, {"$set": {"type": "IMAGE", "content": "", "redacted_at": young}})
    rooms.moderation_redactedoriginal.insert_one({"_id": "old1", "type": "IMAGE", "image": redacted})
    rooms.cz_messages.update_one({"_id": "young1"}, {"$set": {"type": "IMAGE", "image": released}})
    for name in (dropped, released):
        rooms.moderation_heldmessage.insert_one({"room_id": "7.9", "held_at": old, "type": "IMAGE", "image": name})
    call_command("retain_messages", "--days", "30", stdout=StringIO())
    names = (redacted, dropped, released)
    assert [default_storage.exists(f"{name}.jpg") for name in names] == [False, False, True]


def test_cut_off_it_is_begun_again(rooms: Store, mai: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    delete_some, steps = retention.delete_some, 0

    def cut_off(*arguments: Any) -> int:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise KeyboardInterrupt
        return delete_some(*arguments)

    monkeypatch.setattr(retention, "delete_some", cut_off)
    with pytest.raises(KeyboardInterrupt):
        async_to_sync(delete_older)(mai, 30, batch=4)
    assert 4 < len(left(rooms)) < 34
    assert async_to_sync(delete_older)(mai, 30, batch=4).deleted > 0
    assert left(rooms) == {"young0", "young1", "young2", "timeless"}


@pytest.mark.parametrize("arguments", [["--days", "0"], ["--days", "-1"], ["--days", "3", "--batch", "0"]])
def test_it_needs_a_number_of_days(rooms: Store, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="1 or more"):
        call_command("retain_messages", *arguments)
    assert len(left(rooms)) == 34


@pytest.mark.parametrize("days", ["800000", "99999999999"])
def test_days_before_the_calendar_begins_are_named(database: Store, days: str) -> None:
    with pytest.raises(CommandError, match=f"`days` is {days}"):
        call_command("retain_messages", "--days", days)


def test_of_what_goes_beyond_a_batch_nothing_is_kept_either(database: Store, room: str, mai: Staff) -> None:
    """All messages of one millisecond go at once."""
    for name in ("one", "two", "three"):
        stored(database, name, room, 40, redacted_at=NOW)
        database.moderation_redactedoriginal.insert_one({"_id": name, "content": "x"})
    assert async_to_sync(delete_older)(mai, 30, batch=1) == (3, 0)
    assert database.moderation_redactedoriginal.count_documents({}) == 0


def test_what_a_filter_found_in_them_is_in_no_report(rooms: Store, mai: Staff) -> None:
    for days in (40, 1):
        at = NOW - datetime.timedelta(days=days)
        quoting = {"reason": "filter", "reporter": "numbers", "text": "numbers: 0901 234 567", "created_at": at}
        rooms.moderation_report.insert_one(quoting)
    rooms.moderation_report.insert_one({"reason": "fraud", "reporter": "7", "text": "a thief", "created_at": at})
    async_to_sync(delete_older)(mai, 30)
    texts = [found["text"] for found in rooms.moderation_report.find(sort=[("_id", 1)])]
    assert texts == ["numbers", "numbers: 0901 234 567", "a thief"]
