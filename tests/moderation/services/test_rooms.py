"""What staff do to a room."""

from __future__ import annotations

import pytest

from conversations import services as chat_services
from identity import Identity
from moderation import services
from moderation.models import Note, TargetKind
from moderation.staff import Staff
from tests.conversations.conftest import Emitted
from tests.moderation.conftest import Store, acts, message, refusal


async def test_a_closed_room_takes_no_messages_until_it_is_opened(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    await services.close_room(mai, room, "a quarrel")
    closed = chat.all[0]
    assert (closed[0], closed[2]) == ("room_closed", ["7", "9"])
    assert closed[1].keys() == {"room_id", "buyer", "seller", "closed_at"}
    assert await refusal(chat_services.send_message(buyer, message())) == "room_closed"
    assert await refusal(services.close_room(mai, room, "a quarrel")) == "already_closed"
    await services.reopen_room(mai, room, "peace")
    assert chat.payloads("room_opened") == [{"room_id": room, "buyer": "7", "seller": "9"}]
    await chat_services.send_message(buyer, message())
    assert await refusal(services.reopen_room(mai, room, "peace")) == "already_open"
    records = list(database.moderation_auditrecord.find(sort=[("_id", 1)]))
    assert [(record["act"], record["room_id"], record["reason"]) for record in records] == [
        ("room.closed", room, "a quarrel"), ("room.reopened", room, "peace"),
    ]  # fmt: skip


async def test_closing_needs_a_room_and_a_reason(chat: Emitted, room: str, mai: Staff) -> None:
    assert await refusal(services.close_room(mai, "1.2", "x")) == "room_not_found"
    assert await refusal(services.close_room(mai, room, "  ")) == "validation_failed"
    assert chat.all == []


@pytest.mark.parametrize("fields", [{}, {"closed_at": True}, {"blocked_by": "BUYER"}])
async def test_support_writes_to_both_sides_whatever_the_room(
    chat: Emitted, database: Store, room: str, mai: Staff, fields: dict[str, object]
) -> None:
    database.cz_rooms.update_one({"_id": room}, {"$set": fields or {"blocked_by": None}})
    written = await services.write_as_support(mai, room, "Please be kind.")
    told = [(payload, to) for event, payload, to, _ in chat.all if event == "new_message"]
    assert [(payload["from"], payload["to"], payload["type"], to) for payload, to in told] == [
        ("support", "7", "TEXT", ["7"]), ("support", "9", "TEXT", ["9"]),
    ]  # fmt: skip
    assert {payload["_id"] for payload, _ in told} == {written.id}
    kept = database.cz_rooms.find_one({"_id": room})
    assert kept is not None
    assert (kept["buyer_unseen_messages"], kept["seller_unseen_messages"]) == (1, 1)
    assert kept["buyer_last_message"]["content"] == kept["seller_last_message"]["content"] == "Please be kind."
    assert database.cz_messages.count_documents({"room_id": room}) == 1
    assert acts(database) == ["support.wrote"]


@pytest.mark.parametrize("content", ["", " \n", "x" * 10_001])
async def test_support_writes_what_a_message_may_be(chat: Emitted, room: str, mai: Staff, content: str) -> None:
    assert await refusal(services.write_as_support(mai, room, content)) == "validation_failed"


async def test_who_watches_a_room_hears_what_happens_in_it(
    chat: Emitted, room: str, buyer: Identity, mai: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message())
    await services.redact_message(mai, sent.id, "rude")
    await services.restore_message(mai, sent.id, "not rude")
    await services.close_room(mai, room, "a quarrel")
    await services.reopen_room(mai, room, "peace")
    await services.write_as_support(mai, room, "Be kind")
    assert [(event, to) for event, _, to, _ in chat.watched] == [
        (event, [room])
        for event in (
            "new_message", "message_redacted", "message_updated", "room_closed", "room_opened", "new_message",
        )
    ]  # fmt: skip


async def test_a_note_is_for_staff_alone(chat: Emitted, database: Store, room: str, mai: Staff) -> None:
    note = await services.add_note(mai, TargetKind.ROOM, room, "Keep an eye on this one")
    assert (await Note.objects.aget(pk=note.pk)).written_by == "mai"
    assert chat.all == chat.watched == []
    assert acts(database) == ["note.added"]
    assert await refusal(services.add_note(mai, TargetKind.ROOM, room, " ")) == "validation_failed"
    assert await refusal(services.add_note(mai, TargetKind.MESSAGE, "x", "text")) == "validation_failed"
