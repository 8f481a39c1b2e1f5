"""What this app tells connected clients: each event's name, payload and audience, once.

Called when what is told is in the database, never before. A user's sockets are the members of the room named by the
user's id.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings

from conversations.payloads import (
    MessagePayload,
    RoomDeletion,
    RoomPayload,
    SeenMessages,
    Typing,
    UserStatusChange,
)
from socketio_bridge import emit

ANNOUNCED: Final = {
    "create_room": RoomPayload,
    "new_message": MessagePayload,
    "message_updated": MessagePayload,
    "typing": Typing,
    "stop_typing": Typing,
    "seen_messages": SeenMessages,
    "room_deletion": RoomDeletion,
}
"""Each event and its payload."""


async def announce_message(message: MessagePayload) -> None:
    """`new_message`, to every device of both."""
    await _tell("new_message", message, message.sender, message.recipient)


async def announce_update(message: MessagePayload) -> None:
    """`message_updated`, to every device of both."""
    await _tell("message_updated", message, message.sender, message.recipient)


async def announce_room(room: RoomPayload, creator: str) -> None:
    """`create_room`, to every device of who asked for the room."""
    await _tell("create_room", room, creator)


async def announce_seen(seen: SeenMessages) -> None:
    """`seen_messages`, to every device of who wrote what was seen."""
    await _tell("seen_messages", seen, seen.recipient)


async def announce_deletion(deletion: RoomDeletion) -> None:
    """`room_deletion`, to every device of both sides."""
    await _tell("room_deletion", deletion, deletion.buyer, deletion.seller)


async def announce_status_change(change: UserStatusChange, other: str) -> None:
    """`user_status_change`, to every device of the other side of a room."""
    await _tell("user_status_change", change, other)


async def announce_typing(event: str, typing: Typing, except_: str | None) -> None:
    """`typing` or `stop_typing`, to the other devices of who types and to all of the other side."""
    await _tell(event, typing, typing.sender, typing.recipient, except_=except_)


async def _tell(event: str, payload: object, *users: str, except_: str | None = None) -> None:
    await emit(
        event,
        payload,
        to=list(users),
        namespace=settings.MESSENGER_NAMESPACE,
        except_=[] if except_ is None else [except_],
    )
