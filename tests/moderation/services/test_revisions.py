"""What a message said before an edit is kept by moderation, and never with the message."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest
from asgiref.sync import async_to_sync

from conversations import services as chat_services
from conversations.policies import Policy, policies
from conversations.services import editing
from identity import Identity
from moderation import services
from moderation.services.retention import delete_older
from moderation.staff import Staff
from tests.conversations.conftest import Emitted
from tests.moderation.conftest import Store, elsewhere, message


def said(database: Store, message_id: str) -> list[str]:
    """What is kept of a message, the earliest first."""
    found = database.moderation_revision.find({"message_id": message_id}, sort=[("replaced_at", 1)])
    return [revision["content"] for revision in found]


async def test_every_edit_keeps_what_was_said_until_then(
    chat: Emitted, database: Store, room: str, buyer: Identity
) -> None:
    sent = await chat_services.send_message(buyer, message("pay me directly"))
    for content in ("pay in the app", "pay in the app", "thank you"):
        await chat_services.edit_message(buyer, sent.id, content)
    assert said(database, sent.id) == ["pay me directly", "pay in the app"]
    assert "pay" not in str(list(database.cz_messages.find())) + str(list(database.cz_rooms.find()))
    first, second = database.moderation_revision.find(sort=[("replaced_at", 1)])
    assert (first["room_id"], first["sender"], first["type"]) == (room, "7", "TEXT")
    assert first["said_at"] < first["replaced_at"] == second["said_at"] < second["replaced_at"]


async def test_of_two_edits_at_once_nothing_is_lost(
    chat: Emitted, database: Store, room: str, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await chat_services.send_message(buyer, message("first"))
    others = [1]

    def quicker() -> Sequence[Policy]:
        """Called when the message was read, and is not yet changed."""
        if others:
            others.pop()
            elsewhere(lambda: async_to_sync(chat_services.edit_message)(buyer, sent.id, "second"))
        return policies()

    monkeypatch.setattr(editing, "policies", quicker)
    await chat_services.edit_message(buyer, sent.id, "third")
    stored = database.cz_messages.find_one({"_id": sent.id})
    assert stored is not None and stored["content"] == "third"
    assert set(said(database, sent.id)) == {"first", "second"}


async def test_revisions_go_with_their_message_and_with_their_writer(
    chat: Emitted, database: Store, room: str, buyer: Identity, mai: Staff
) -> None:
    for _ in range(2):
        sent = await chat_services.send_message(buyer, message("my address"))
        await chat_services.edit_message(buyer, sent.id, "nothing")
    long_ago = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=40)
    database.cz_messages.update_one({"_id": sent.id}, {"$set": {"created_at": long_ago}})
    await delete_older(mai, 30)
    assert database.moderation_revision.count_documents({}) == 1
    exported = [kind for kind, _ in await services.export_person(mai, "7", "request 12")]
    assert exported.count("revision") == 1
    await services.erase_person(mai, "7", "request 12")
    assert database.moderation_revision.count_documents({}) == 0
