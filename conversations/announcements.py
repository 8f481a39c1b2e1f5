"""What this app tells connected clients: each event's name, payload and audience, once.

Called when what is told is in the database, never before. A user's sockets are the members of the room named by the
user's id. What happens in a room its watchers hear too, whoever they are: the members of the room named by that room's
id, in STAFF_NAMESPACE.
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
    """`new_message`, to every device of both."""
    await _tell_of_message("new_message", message)


async def announce_update(message: MessagePayload) -> None:
    """`message_updated`, to every device of both."""
    await _tell_of_message("message_updated", message)


async def announce_redaction(redaction: MessageRedaction) -> None:
    """`message_redacted`, to every device of both."""
    await _tell_of_message("message_redacted", redaction)


async def announce_room(room: RoomPayload, creator: str) -> None:
    """`create_room`, to every device of who asked for the room."""
    await _tell("create_room", room, creator)


async def announce_seen(seen: SeenMessages) -> None:
    """`seen_messages`, to every device of who wrote what was seen."""
    await _tell("seen_messages", seen, seen.recipient)
    await _tell_watchers("seen_messages", seen, seen.room_id)


async def announce_deletion(deletion: RoomDeletion) -> None:
    """`room_deletion`, to every device of both sides."""
    await _tell("room_deletion", deletion, deletion.buyer, deletion.seller)


async def announce_closing(closing: RoomClosing) -> None:
    """`room_closed`, to every device of both sides."""
    await _tell("room_closed", closing, closing.buyer, closing.seller)
    await _tell_watchers("room_closed", closing, closing.room_id)


async def announce_opening(opening: RoomOpening) -> None:
    """`room_opened`, to every device of both sides."""
    await _tell("room_opened", opening, opening.buyer, opening.seller)
    await _tell_watchers("room_opened", opening, opening.room_id)


async def announce_status_change(change: UserStatusChange, other: str) -> None:
    """`user_status_change`, to every device of the other side of a room."""
    await _tell("user_status_change", change, other)


async def announce_typing(event: str, typing: Typing, except_: str | None) -> None:
    """`typing` or `stop_typing`, to the other devices of who types and to all of the other side.

    Not to watchers: by far the most frequent event, which few rooms have any for.
    """
    await _tell(event, typing, typing.sender, typing.recipient, except_=except_)


async def _tell_of_message(event: str, message: MessagePayload | MessageRedaction) -> None:
    if message.recipient:
        await _tell(event, message, message.sender, message.recipient)
    else:  # the operator's, for both sides: each reads its own id in `to`, which is how old apps know what is theirs
        for side in message.room_id.split("."):
            await _tell(event, msgspec.structs.replace(message, recipient=side), side)
    await _tell_watchers(event, message, message.room_id)


async def _tell(event: str, payload: object, *users: str, except_: str | None = None) -> None:
    await emit(
        event,
        payload,
        to=list(users),
        namespace=settings.MESSENGER_NAMESPACE,
        except_=[] if except_ is None else [except_],
    )


async def _tell_watchers(event: str, payload: object, room_id: str) -> None:
    # volatile: a page that was away loads its room anew, so nothing is to be kept for it
    await emit(event, payload, to=[room_id], namespace=settings.STAFF_NAMESPACE, volatile=True)
