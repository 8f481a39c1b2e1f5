"""The events that this app sends to clients: each one's name, payload and audience, in one place.

An event is announced when it is stored, never before. A user's sockets are in the room named by the user's id. Staff
who watch a conversation are in the room named by that conversation's id, in STAFF_NAMESPACE.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from conversations.configuration import ChatSettings
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
from socketio_bridge import Outgoing, OutgoingEvent, emit, outgoing_event

_Message = TypeVar("_Message", MessagePayload, MessageRedaction)


@outgoing_event("create_room")
def create_room(room: RoomPayload) -> None:
    """A room is made, or back; to all devices of the user who asked for it."""


@outgoing_event("new_message")
def new_message(message: MessagePayload) -> None:
    """A message; to all devices of both sides."""


@outgoing_event("message_updated")
def message_updated(message: MessagePayload) -> None:
    """A message is edited; to all devices of both sides."""


@outgoing_event("message_redacted")
def message_redacted(redaction: MessageRedaction) -> None:
    """The operator has redacted a message, or restored it; to all devices of both sides."""


@outgoing_event("room_closed")
def room_closed(closing: RoomClosing) -> None:
    """The operator has closed a room; to all devices of both sides."""


@outgoing_event("room_opened")
def room_opened(opening: RoomOpening) -> None:
    """A closed room is open again; to all devices of both sides."""


@outgoing_event("typing")
def typing_begins(typing: Typing) -> None:
    """Somebody types; to all devices of the other side, and the user's other devices."""


@outgoing_event("stop_typing")
def typing_ends(typing: Typing) -> None:
    """Somebody types no longer; to whom `typing` goes."""


@outgoing_event("seen_messages")
def seen_messages(seen: SeenMessages) -> None:
    """Messages were seen; to all devices of the user who wrote them."""


@outgoing_event("room_deletion")
def room_deletion(deletion: RoomDeletion) -> None:
    """A side has deleted a room; to all devices of both sides."""


@outgoing_event("user_status_change")
def user_status_change(change: UserStatusChange) -> None:
    """A user came online or went offline; to all devices of the other sides of their rooms."""


WATCHED: Final = (new_message, message_updated, message_redacted, seen_messages, room_closed, room_opened)
"""What watchers hear, too."""

ANNOUNCED: Final = (
    create_room,
    new_message,
    message_updated,
    message_redacted,
    room_closed,
    room_opened,
    typing_begins,
    typing_ends,
    seen_messages,
    room_deletion,
    user_status_change,
)
"""All of them."""


async def announce_message(message: MessagePayload) -> None:
    """Send `new_message` to all devices of both sides, and to watchers."""
    await _emit_message(new_message, message)


async def announce_update(message: MessagePayload) -> None:
    """Send `message_updated` to all devices of both sides, and to watchers."""
    await _emit_message(message_updated, message)


async def announce_redaction(redaction: MessageRedaction) -> None:
    """Send `message_redacted` to all devices of both sides, and to watchers."""
    await _emit_message(message_redacted, redaction)


async def announce_room(room: RoomPayload, creator: str) -> None:
    """Send `create_room` to all devices of the user who asked for the room.

    Args:
        room: The payload.
        creator: The user's id.
    """
    await _emit_to_users(create_room(room), creator)


async def announce_seen(seen: SeenMessages) -> None:
    """Send `seen_messages` to all devices of the user who wrote what was seen, and to watchers."""
    await _emit_to_users(seen_messages(seen), seen.recipient)
    await _emit_to_watchers(seen_messages(seen), seen.room_id)


async def announce_deletion(deletion: RoomDeletion) -> None:
    """Send `room_deletion` to all devices of both sides."""
    await _emit_to_users(room_deletion(deletion), deletion.buyer, deletion.seller)


async def announce_closing(closing: RoomClosing) -> None:
    """Send `room_closed` to all devices of both sides, and to watchers."""
    await _emit_to_users(room_closed(closing), closing.buyer, closing.seller)
    await _emit_to_watchers(room_closed(closing), closing.room_id)


async def announce_opening(opening: RoomOpening) -> None:
    """Send `room_opened` to all devices of both sides, and to watchers."""
    await _emit_to_users(room_opened(opening), opening.buyer, opening.seller)
    await _emit_to_watchers(room_opened(opening), opening.room_id)


async def announce_status_change(change: UserStatusChange, other: str) -> None:
    """Send `user_status_change` to all devices of the other side of a room.

    Args:
        change: The payload.
        other: The id of the user on the other side.
    """
    await _emit_to_users(user_status_change(change), other)


async def announce_typing(event: OutgoingEvent[[Typing], None], typing: Typing, except_: str | None) -> None:
    """Send `typing` or `stop_typing` to the other devices of the user who types and to all of the other side.

    Watchers do not get it: it is by far the most frequent event, and few rooms are watched.

    Args:
        event: `typing_begins` or `typing_ends`.
        typing: The payload.
        except_: The id of the socket that sent the event.
    """
    await _emit_to_users(event(typing), typing.sender, typing.recipient, except_=except_)


async def _emit_message(event: OutgoingEvent[[_Message], None], message: _Message) -> None:
    if message.recipient:
        await _emit_to_users(event(message), message.sender, message.recipient)
    else:  # the operator's, for both sides: each reads its own id in `to`, which is how old apps know what is theirs
        for side in message.room_id.split("."):
            await _emit_to_users(event(msgspec.structs.replace(message, recipient=side)), side)
    await _emit_to_watchers(event(message), message.room_id)


async def _emit_to_users(event: Outgoing[None], *users: str, except_: str | None = None) -> None:
    await emit(
        event,
        to=list(users),
        namespace=ChatSettings.current().MESSENGER_NAMESPACE,
        except_=[] if except_ is None else [except_],
    )


async def _emit_to_watchers(event: Outgoing[None], room_id: str) -> None:
    # volatile: a page that was away loads its room anew, so nothing is to be kept for it
    await emit(event, to=[room_id], namespace=ChatSettings.current().STAFF_NAMESPACE, volatile=True)
