"""The events that this app sends to clients: each one's name, payload and audience, in one place.

An event is announced when it is stored, never before. A user's sockets are in the room named by the user's id. Staff
who watch a conversation are in the room named by that conversation's id, in STAFF_NAMESPACE.
"""

from __future__ import annotations

from typing import Final

import msgspec
from django.conf import settings

from conversations.payloads import (
    MessagePayload,
    MessageRedaction,
    RoomClosing,
    RoomDeletion,
    RoomOpening,
    RoomPayload,
    UserStatusChange,
)
from conversations.requests import SeenMessages, Typing
from socketio_bridge import emit

ANNOUNCED: Final = {
    "create_room": RoomPayload,
    "new_message": MessagePayload,
    "message_updated": MessagePayload,
    "message_redacted": MessageRedaction,
    "room_closed": RoomClosing,
    "room_opened": RoomOpening,
    "typing": Typing,
    "stop_typing": Typing,
    "seen_messages": SeenMessages,
    "room_deletion": RoomDeletion,
    "user_status_change": UserStatusChange,
}
"""Each event and its payload."""


async def announce_message(message: MessagePayload) -> None:
    """Send `new_message` to all devices of both sides, and to watchers."""
    await _emit_message("new_message", message)


async def announce_update(message: MessagePayload) -> None:
    """Send `message_updated` to all devices of both sides, and to watchers."""
    await _emit_message("message_updated", message)


async def announce_redaction(redaction: MessageRedaction) -> None:
    """Send `message_redacted` to all devices of both sides, and to watchers."""
    await _emit_message("message_redacted", redaction)


async def announce_room(room: RoomPayload, creator: str) -> None:
    """Send `create_room` to all devices of the user who asked for the room.

    Args:
        room: The payload.
        creator: The user's id.
    """
    await _emit_to_users("create_room", room, creator)


async def announce_seen(seen: SeenMessages) -> None:
    """Send `seen_messages` to all devices of the user who wrote what was seen, and to watchers."""
    await _emit_to_users("seen_messages", seen, seen.recipient)
    await _emit_to_watchers("seen_messages", seen, seen.room_id)


async def announce_deletion(deletion: RoomDeletion) -> None:
    """Send `room_deletion` to all devices of both sides."""
    await _emit_to_users("room_deletion", deletion, deletion.buyer, deletion.seller)


async def announce_closing(closing: RoomClosing) -> None:
    """Send `room_closed` to all devices of both sides, and to watchers."""
    await _emit_to_users("room_closed", closing, closing.buyer, closing.seller)
    await _emit_to_watchers("room_closed", closing, closing.room_id)


async def announce_opening(opening: RoomOpening) -> None:
    """Send `room_opened` to all devices of both sides, and to watchers."""
    await _emit_to_users("room_opened", opening, opening.buyer, opening.seller)
    await _emit_to_watchers("room_opened", opening, opening.room_id)


async def announce_status_change(change: UserStatusChange, other: str) -> None:
    """Send `user_status_change` to all devices of the other side of a room.

    Args:
        change: The payload.
        other: The id of the user on the other side.
    """
    await _emit_to_users("user_status_change", change, other)


async def announce_typing(event: str, typing: Typing, except_: str | None) -> None:
    """Send `typing` or `stop_typing` to the other devices of the user who types and to all of the other side.

    Watchers do not get it: it is by far the most frequent event, and few rooms are watched.

    Args:
        event: "typing" or "stop_typing".
        typing: The payload.
        except_: The id of the socket that sent the event.
    """
    await _emit_to_users(event, typing, typing.sender, typing.recipient, except_=except_)


async def _emit_message(event: str, message: MessagePayload | MessageRedaction) -> None:
    if message.recipient:
        await _emit_to_users(event, message, message.sender, message.recipient)
    else:  # the operator's, for both sides: each reads its own id in `to`, which is how old apps know what is theirs
        for side in message.room_id.split("."):
            await _emit_to_users(event, msgspec.structs.replace(message, recipient=side), side)
    await _emit_to_watchers(event, message, message.room_id)


async def _emit_to_users(event: str, payload: object, *users: str, except_: str | None = None) -> None:
    await emit(
        event,
        payload,
        to=list(users),
        namespace=settings.MESSENGER_NAMESPACE,
        except_=[] if except_ is None else [except_],
    )


async def _emit_to_watchers(event: str, payload: object, room_id: str) -> None:
    # volatile: a page that was away loads its room anew, so nothing is to be kept for it
    await emit(event, payload, to=[room_id], namespace=settings.STAFF_NAMESPACE, volatile=True)
