"""What notes that a room, or a message that others may have read, has changed: `services.sync` finds it by that.

A new message needs no note: it moves its room's `updated_at`, and has its own `created_at`. What changes a room
otherwise adds `CHANGED` to its update; what changes messages adds it to theirs, and notes their rooms by
`note_messages_changed` within the same visit to the store, so that both instants are close together. MongoDB sets
them, by its own clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pymongo import UpdateOne

from conversations.models import Room
from persistence.mongodb import Document, durable

CHANGED: Final[dict[str, dict[str, Any]]] = {"$currentDate": {"changed_at": True}}
"""A part of an update of a room or of messages. An update that has it always changes something."""

_MESSAGES_CHANGED: Final[Document] = {"$currentDate": {"changed_at": True, "messages_changed_at": True}}


def messages_changed(room_ids: Iterable[str]) -> list[UpdateOne]:
    """The writes of a bulk that note that messages of these rooms have changed."""
    return [UpdateOne({"_id": room_id}, _MESSAGES_CHANGED) for room_id in dict.fromkeys(room_ids)]


def note_messages_changed(room_id: str) -> None:
    """Note that messages of a room have changed."""
    durable(Room).bulk_write(messages_changed([room_id]), ordered=False)
