"""Redaction: the content of a message leaves the chat, the original is kept, and it can be restored."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pymongo.collection import Collection

from conversations import services as chat_services
from conversations.services import REDACTED
from identity import Identity
from moderation import services
from moderation.models import MessageFilter, RedactedOriginal
from moderation.rules.cache import rules_cache
from moderation.services import redaction
from moderation.staff import Staff
from tests.conversations.api.test_plans import examined, plan
from tests.conversations.commands import ASKED
from tests.conversations.conftest import Emitted
from tests.moderation.conftest import Store, acts, answer, elsewhere, message, refusal


async def test_both_sides_lose_what_a_message_said_and_keep_its_kind_and_time(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("an insult"))
    redacted = await services.redact_message(mai, sent.id, "an insult")
    event = chat.payloads("message_redacted")[0]
    assert event == {
        "_id": sent.id, "room_id": room, "from": "7", "to": "9", "content": REDACTED,
        "redacted_at": redacted.redacted_at,
    }  # fmt: skip
    assert chat.all[-1][2] == ["7", "9"]
    stored = database.cz_messages.find_one({"_id": sent.id})
    kept = database.cz_rooms.find_one({"_id": room})
    assert stored is not None and kept is not None
    for copy in (stored, kept["buyer_last_message"], kept["seller_last_message"]):
        assert (copy["content"], copy["type"]) == (REDACTED, "TEXT")
        assert copy["created_at"] == stored["created_at"]
        assert copy["redacted_at"] is not None
    assert "an insult" not in str(stored) + str(kept)
    assert acts(database) == ["message.redacted"]


async def test_what_it_said_is_kept_apart_and_reading_it_is_recorded(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, tuan: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("an insult"))
    await services.redact_message(mai, sent.id, "rude")
    assert (await services.read_original(tuan, sent.id, "appeal 12")).content == "an insult"
    record = database.moderation_auditrecord.find_one({"act": "original.read"})
    assert record is not None
    assert (record["staff_name"], record["target_id"], record["reason"]) == ("tuan", sent.id, "appeal 12")
    assert "an insult" not in str(list(database.moderation_auditrecord.find()))
    assert await refusal(services.read_original(tuan, sent.id, " ")) == "validation_failed"
    assert await refusal(services.read_original(tuan, "nothing", "x")) == "not_redacted"


async def test_a_restored_message_says_what_it_said(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("a joke"))
    await services.redact_message(mai, sent.id, "rude")
    restored = await services.restore_message(mai, sent.id, "a joke after all")
    assert (restored.content, chat.payloads("message_updated")[0]["content"]) == ("a joke", "a joke")
    assert "redacted_at" not in chat.payloads("message_updated")[0]
    assert restored.updated_at > sent.updated_at, "as if it was edited then"
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert kept["buyer_last_message"]["content"] == kept["seller_last_message"]["content"] == "a joke"
    assert database.moderation_redactedoriginal.count_documents({}) == 0
    assert await refusal(services.restore_message(mai, sent.id, "again")) == "not_redacted"
    await services.redact_message(mai, sent.id, "rude, definitely")
    assert acts(database) == ["message.redacted", "message.restored", "message.redacted"]


async def test_only_the_last_message_is_the_rooms(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    first = await chat_services.send_message(buyer, message("first"))
    await chat_services.send_message(seller, answer("last"))
    await services.redact_message(mai, first.id, "rude")
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None and kept["buyer_last_message"]["content"] == "last"


async def test_there_is_nothing_to_redact_twice_or_nowhere(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("rude"))
    await services.redact_message(mai, sent.id, "rude")
    assert await refusal(services.redact_message(mai, sent.id, "rude")) == "already_redacted"
    assert await refusal(services.redact_message(mai, "nothing", "rude")) == "message_not_found"
    assert await refusal(services.redact_message(mai, sent.id, "")) == "validation_failed"
    original = database.moderation_redactedoriginal.find_one({"_id": sent.id})
    assert original is not None and original["content"] == "rude"


async def test_what_was_edited_while_it_was_being_redacted_is_kept_as_it_was_last(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The original is put aside before the message changes: an edit in between is seen, and it is begun again."""
    sent = await chat_services.send_message(buyer, message("first"))
    store, edits = redaction.store_originals, ["second", "third"]

    def edited_meanwhile(originals: list[RedactedOriginal]) -> None:
        store(originals)
        if edits:
            change = {"$set": {"content": edits.pop(0)}}
            elsewhere(lambda: database.cz_messages.update_one({"_id": sent.id}, change))

    monkeypatch.setattr(redaction, "store_originals", edited_meanwhile)
    await services.redact_message(mai, sent.id, "rude")
    assert (await services.read_original(mai, sent.id, "x")).content == "third"
    assert len(chat.payloads("message_redacted")) == 1


async def test_an_old_message_without_some_fields_can_be_redacted(
    chat: Emitted, database: Store, room: str, mai: Staff
) -> None:
    messages: Collection[dict[str, Any]] = database.cz_messages
    messages.insert_one({"_id": "ckold", "room_id": room, "from": "7", "to": "9"})
    await services.redact_message(mai, "ckold", "rude")
    stored = messages.find_one({"_id": "ckold"})
    assert stored is not None and stored["content"] == REDACTED


async def test_all_that_a_user_wrote_in_the_last_hours_goes_at_once(
    chat: Emitted, database: Store, room: str, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    database.cz_rooms.insert_one({"_id": "7.10", "buyer": "7", "seller": "10"})
    old = await chat_services.send_message(buyer, message("yesterday"))
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=20)
    database.cz_messages.update_one({"_id": old.id}, {"$set": {"created_at": yesterday}})
    mine = [
        await chat_services.send_message(buyer, message(f"spam {number}", room_id=f"7.{to}", to=to))
        for number in range(3)
        for to in ("9", "10")
    ]
    await chat_services.send_message(seller, answer("stop it"))
    await services.redact_message(mai, mine[0].id, "spam")
    chat.all.clear()
    assert await services.redact_recent(mai, "7", 2, "spam") == 5
    assert {event["_id"] for event in chat.payloads("message_redacted")} == {sent.id for sent in mine[1:]}
    contents = {found["_id"]: found["content"] for found in database.cz_messages.find()}
    assert contents[old.id] == "yesterday"
    assert sorted(contents.values()) == ["stop it", "yesterday", *[REDACTED] * 6]
    assert (await services.read_original(mai, mine[0].id, "x")).content == "spam 0"
    assert (await services.read_original(mai, mine[5].id, "x")).content == "spam 2"
    record = database.moderation_auditrecord.find_one({"act": "messages.redacted"})
    assert record is not None
    assert (record["user_id"], record["after"]["count"], record["after"]["hours"]) == ("7", 5, 2)
    assert await services.redact_recent(mai, "7", 2, "spam") == 0
    assert await refusal(services.redact_recent(mai, "7", 0, "spam")) == "validation_failed"


async def test_what_is_recent_is_found_by_an_index(database: Store, room: str, mai: Staff) -> None:
    """Neither other rooms nor what was said before is read."""
    now = datetime.datetime.now(datetime.UTC)
    database.cz_messages.insert_many(
        [
            {
                "_id": f"m{n:03}", "room_id": room if n % 2 else "1.2", "from": "79"[n // 2 % 2],
                "content": "x", "created_at": now - datetime.timedelta(minutes=n),
            }
            for n in range(300)
        ]
    )  # fmt: skip
    with ASKED.recording() as commands:
        assert await services.redact_recent(mai, "7", 1, "spam") == 15
    assert {found["_id"] for found in database.cz_messages.find({"redacted_at": {"$ne": None}})} == {
        f"m{n:03}" for n in range(1, 60, 4)
    }
    asked = [
        {"aggregate": command["aggregate"], "pipeline": command["pipeline"], "cursor": {}}
        for command in commands
        if "aggregate" in command
    ]
    assert len(asked) == 6, "of each side the rooms, and of one room the messages, until nothing is left"
    assert [command for command in asked if "COLLSCAN" in plan(database, command)] == []
    assert sum(examined(database, command) for command in asked[:3]) <= 32


async def test_what_moderation_has_of_it_besides_is_gone_too(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    """What all staff may read: the held message that it was, and what a filter found in it."""
    hold = MessageFilter(name="numbers", kind="regex", patterns=r"\d{4,}", action="hold")
    flag = MessageFilter(name="codes", kind="regex", patterns=r"\d+", action="flag")
    for each in (hold, flag):
        await services.save_filter(mai, each)
    await rules_cache().refresh(just_now=True)
    assert await refusal(chat_services.send_message(buyer, message("call 0901234567"))) == "held_for_review"
    held = database.moderation_heldmessage.find_one()
    assert held is not None
    released = await services.release_held(mai, str(held["_id"]))
    flagged = await chat_services.send_message(buyer, message("room 090"))
    for sent in (released, flagged):
        await services.redact_message(mai, sent.id, "a number")
    for name in ("heldmessage", "report", "filterhit", "auditrecord"):
        kept = str(list(database[f"moderation_{name}"].find()))
        assert "0901234567" not in kept and "room 090" not in kept and ": 090" not in kept, name
    assert (await services.read_original(mai, released.id, "x")).content == "call 0901234567"


async def test_nothing_recent_escapes_by_an_edit_or_by_being_written_meanwhile(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await chat_services.send_message(buyer, message("first"))
    store, again = redaction.store_originals, [1]

    def meanwhile(originals: list[RedactedOriginal]) -> None:
        store(originals)
        if again:
            again.pop()
            elsewhere(lambda: database.cz_messages.update_one({"_id": sent.id}, {"$set": {"content": "second"}}))
            new = {
                "_id": "new",
                "room_id": room,
                "from": "7",
                "to": "9",
                "created_at": datetime.datetime.now(datetime.UTC),
            }
            elsewhere(lambda: database.cz_messages.insert_one({**new, "type": "TEXT", "content": "third"}))

    monkeypatch.setattr(redaction, "store_originals", meanwhile)
    assert await services.redact_recent(mai, "7", 1, "spam") == 2
    assert {found["content"] for found in database.cz_messages.find()} == {REDACTED}
