"""Messages of the operator's own, to both sides of a room."""

from __future__ import annotations

from typing import Final

from conversations.models import MessageType
from conversations.payloads import MessagePayload
from conversations.storage.room_loader import load_room
from conversations.storage.writer import Draft, message_writer

SUPPORT: Final = "support"
"""The `from` of such a message. No user has this id."""


async def write_as_support(room_id: str, content: str) -> MessagePayload:
    """Store a text for both sides of a room, blocked and closed ones too, and tell both. `to` is empty in the store.

    RuleViolation: `room_not_found`, `store_unavailable`, `overloaded`.
    """
    room = await load_room(room_id)
    return await message_writer().write(
        Draft(
            room_id=room.room_id,
            sender=SUPPORT,
            recipient="",
            receiver=None,
            type=MessageType.TEXT,
            content=content,
            client_message_id=None,
        )
    )
