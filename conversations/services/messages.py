"""Sending messages, marking them as seen, and relaying who types."""

from __future__ import annotations

import datetime
import time
from typing import Final

from pymongo import UpdateOne

from conversations.announcements import announce_seen, announce_typing
from conversations.errors import Code, RuleViolation
from conversations.message_content import require_content
from conversations.models import SIDES, UNSEEN, Message, MessageType, Room
from conversations.payloads import MessagePayload, RoomView, view_of
from conversations.policies import check_message, check_writer, refresh
from conversations.requests import Draft, NewMessage, Participants, SeenMessages, Typing
from conversations.services.shop_info import stop_filling
from conversations.storage.changes import CHANGED
from conversations.storage.message_ids import message_ids
from conversations.storage.room_loader import Actor, RoomLoader, RoomRecord, load_room, require_role
from conversations.storage.writer import close_message_writer, message_writer
from identity import Role
from persistence.fields import object_in, text_in
from persistence.mongodb import Document, durable, in_message_thread, in_store_thread, until_done
from persistence.timestamps import stored_time, to_wire
from socketio_bridge import OutgoingEvent

SUPPORT: Final = "support"
"""The `from` of messages of `write_as_support`. No user has this id."""

PATIENCE: Final = 10.0
"""Seconds after which a sender has given a message up: the time-out of acknowledgements in docs/clients.md. What could
only be stored later is refused with `overloaded`, as soon as that is known."""

writable_rooms = RoomLoader(in_message_thread, prepare=refresh)
"""Loads rooms to write in: the policies are up to date when a room is read, and messages keep their order."""


async def send_message(actor: Actor, message: NewMessage) -> MessagePayload:
    """Store a message and send it to the devices of both sides. A repeat is stored once and sent once.

    Args:
        actor: The authenticated user, who is the message's sender.
        message: What the client sent.

    Returns:
        The message as both sides got it; of a repeat, the first one.

    Raises:
        RuleViolation: `user_mismatch`, `validation_failed` (see `require_content`), `room_not_found`, `not_a_member`,
            `role_not_allowed`, `wrong_recipient`, `room_blocked`, `room_closed`, `overloaded`; and the policies' own.
        StoreUnavailable: MongoDB does not answer. The message may be stored all the same; a repeat with the same
            `client_message_id` is safe.
    """
    deadline = time.monotonic() + PATIENCE
    _require_self(actor, message)
    require_content(message.type, message.content)
    room = await writable_rooms.load(message.room_id, caller=actor.user_id, deadline=deadline)
    side = _require_sides(actor, room, message)
    require_open(room)
    draft = Draft(
        room_id=room.room_id,
        sender=message.sender,
        recipient=message.recipient,
        receiver=side.other,
        type=message.type,
        content=message.content,
        client_message_id=message.client_message_id,
    )
    afterwards = await check_message(draft)
    stored = await message_writer().write(draft, deadline=deadline)
    for do in afterwards:
        await do(stored)
    return stored


async def write_as_support(room_id: str, content: str) -> MessagePayload:
    """Store a text of the operator for both sides of a room and send it to them. Blocked and closed rooms take it, too.

    Args:
        room_id: The room's id.
        content: The text. Its length is not checked.

    Returns:
        The message as it is stored: `sender` is `SUPPORT`, `recipient` is empty.

    Raises:
        RuleViolation: `room_not_found`, `overloaded`.
    """
    room = await load_room(room_id)
    return await message_writer().write(
        Draft(
            room_id=room.room_id,
            sender=SUPPORT,
            recipient="",
            receiver=None,
            type=MessageType.TEXT.value,
            content=content,
        )
    )


async def mark_seen(actor: Actor, seen: SeenMessages) -> None:
    """Mark all messages to the user as seen, up to and with one, and announce it to their sender.

    The side's unseen counter becomes 0. Nothing is announced for a message that is not in the room: the id would be a
    text of the reader's choice.

    Args:
        actor: The authenticated user, who is `seen.sender`.
        seen: The room, both users, and the last message seen.

    Raises:
        RuleViolation: `user_mismatch`, `room_not_found`, `not_a_member`, `role_not_allowed`, `wrong_recipient`.
    """
    _require_self(actor, seen)
    side = _require_sides(actor, await load_room(seen.room_id), seen)
    if await in_store_thread(_mark_seen_until, side, seen, message_ids.cutoff()):
        await announce_seen(seen)


async def mark_room_seen(actor: Actor, room_id: str, claimed: Role | None = None) -> RoomView:
    """Mark all messages to the user in a room as seen, and announce it to their sender.

    The side's unseen counter becomes 0. Nothing is announced where no message to the user is the last one or unseen.

    Args:
        actor: The authenticated user.
        room_id: The room's id.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        The room as the user's side sees it afterwards.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`.
    """
    room = await load_room(room_id)
    side = room.side_for(actor, claimed)
    user, other = room.user_on(side), room.user_on(side.other)
    seen, stored = await in_store_thread(_mark_room_seen, room_id, side, user, other, message_ids.cutoff())
    if seen is not None:
        await announce_seen(seen)
    return view_of(stored, side)


def _mark_room_seen(
    room_id: str, side: Role, user: str, other: str, now: datetime.datetime
) -> tuple[SeenMessages | None, Document]:
    newest = durable(Message).find_one(
        {"room_id": room_id, "to": user, "is_seen": UNSEEN},
        sort=[("created_at", -1), ("_id", -1)],
    )
    if newest is None:  # all seen already, in which case it is announced again
        last_message = SIDES[side].last_message
        last = object_in(durable(Room).find_one({"_id": room_id}, [last_message]) or {}, last_message)
        newest = last if text_in(last, "to") == user and last.get("_id") else None
    seen = None
    if newest is not None:
        seen = SeenMessages(
            room_id=room_id,
            sender=user,
            recipient=other,
            last_message_id=text_in(newest, "_id"),
            last_message_created_at=to_wire(stored_time(newest.get("created_at")) or now),
        )
        _mark_seen(side, seen, now, now, noted=now)
    else:
        durable(Room).update_one({"_id": room_id}, {"$set": {SIDES[side].unseen_messages: 0}, **CHANGED})
    return seen, durable(Room).find_one({"_id": room_id}) or {"_id": room_id}


def _mark_seen_until(side: Role, seen: SeenMessages, now: datetime.datetime) -> bool:
    """Mark what a client says that it has seen. Returns whether the last message is in the room."""
    last = durable(Message).find_one({"_id": seen.last_message_id, "room_id": seen.room_id}, ["created_at"])
    # A client may name any time, but it has seen nothing that is still to come. (A message may be from a clock ahead.)
    latest = max(now, stored_time((last or {}).get("created_at")) or now)
    _mark_seen(side, seen, seen.seen_until, now, noted=min(seen.seen_until, latest))
    return last is not None


def _mark_seen(
    side: Role, seen: SeenMessages, until: datetime.datetime, now: datetime.datetime, *, noted: datetime.datetime
) -> None:
    """Mark messages up to `until`; note in the room that the side has seen all up to `noted`, which only grows."""
    unseen = {
        "room_id": seen.room_id,
        "to": seen.sender,
        "is_seen": UNSEEN,
        "created_at": {"$not": {"$gt": until}},  # which old ones without a time are, too
    }
    until_done(lambda: durable(Message).update_many(unseen, {"$set": {"is_seen": True, "updated_at": now}}))
    fields = SIDES[side]
    durable(Room).bulk_write(
        [
            UpdateOne(
                {"_id": seen.room_id},
                {
                    "$set": {fields.unseen_messages: 0},
                    # `created_at` first: the store compares objects field by field
                    "$max": {fields.seen: {"created_at": noted, "_id": seen.last_message_id, "at": now}},
                    **CHANGED,
                },
            ),
            *(
                UpdateOne(
                    {"_id": seen.room_id, f"{last}._id": seen.last_message_id, f"{last}.to": seen.sender},
                    {"$set": {f"{last}.is_seen": True}},
                )
                for last in (each.last_message for each in SIDES.values())
            ),
        ],
        ordered=False,
    )


async def relay_typing(
    actor: Actor, event: OutgoingEvent[[Typing], None], typing: Typing, *, except_: str | None = None
) -> None:
    """Send `typing` or `stop_typing` to the other side and to the user's other devices.

    Only where the user could send a message: a blocked or muted user does not show that they are there. A client may
    send this at each keystroke, so a room is read twice a second at most, and its id, `<BuyerID>.<SellerID>`, gives its
    sides.

    Args:
        actor: The authenticated user, who is `typing.sender`.
        event: `typing_begins` or `typing_ends`.
        typing: The room and both users.
        except_: The id of the socket that sent the event, which does not get it back.

    Raises:
        RuleViolation: `user_mismatch`, `not_a_member`, `role_not_allowed`, `room_not_found`, `room_blocked`,
            `room_closed`, `overloaded`; and those of the policies.
    """
    _require_self(actor, typing)
    pair = (f"{typing.sender}.{typing.recipient}", f"{typing.recipient}.{typing.sender}")
    if typing.room_id not in pair:
        raise RuleViolation(
            Code.NOT_A_MEMBER,
            f"{typing.sender!r} and {typing.recipient!r} are not the sides of room {typing.room_id!r}",
        )
    require_role(actor, Role.BUYER if typing.room_id == pair[0] else Role.SELLER)
    require_open(await writable_rooms.load_recent(typing.room_id, caller=actor.user_id))
    check_writer(actor.user_id)
    await announce_typing(event, typing, except_)


def require_open(room: RoomRecord) -> None:
    """Refuse a room that takes no messages.

    Raises:
        RuleViolation: `room_blocked`, `room_closed`.
    """
    if room.blocked_by:
        raise RuleViolation(Code.ROOM_BLOCKED, f"room {room.room_id!r} was blocked by its {room.blocked_by.lower()}")
    if room.closed:
        raise RuleViolation(Code.ROOM_CLOSED, f"room {room.room_id!r} is closed")


def _require_self(actor: Actor, what: Participants) -> None:
    if what.sender != actor.user_id:
        raise RuleViolation(
            Code.USER_MISMATCH, f"`from` is {what.sender!r}: it must be the authenticated user, {actor.user_id!r}"
        )


def _require_sides(actor: Actor, room: RoomRecord, what: Participants) -> Role:
    side = room.side_for(actor)
    other = room.other_than(what.sender)
    if what.recipient != other:
        raise RuleViolation(
            Code.WRONG_RECIPIENT, f"`to` is {what.recipient!r}: it must be the other side of the room, {other!r}"
        )
    return side


async def start_up() -> None:
    """Be ready to store messages."""
    message_writer().start()


async def shut_down() -> None:
    """Store and announce every message taken so far, then close what the running loop has open."""
    await close_message_writer()
    await stop_filling()
