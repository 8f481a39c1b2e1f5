"""The history of a room, page by page, and the messages of it that one side has not seen."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from conversations.models import SIDES, UNSEEN, Message, Room, last_message_at
from conversations.payloads import MessagePayload
from conversations.services.cursors import MessagePosition, from_instant, to_place, to_position, unusable
from conversations.storage.room_loader import Actor, load_room
from identity import Role
from persistence.keyset import Condition, Place, Stretch, to_cursor
from persistence.mongodb import Document, durable, in_store_thread
from persistence.timestamps import stored_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Which part of a room's history is asked for.

    Attributes:
        limit: The most messages of a page.
        oldest_first: The order; by default the newest message comes first.
        before: Messages created before this instant only.
        after: Messages created after this instant only.
        cursor: The `next_cursor` of the page before, in the same order.
    """

    limit: int
    oldest_first: bool = False
    before: datetime.datetime | None = None
    after: datetime.datetime | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of messages.

    Attributes:
        messages: The messages, in the order asked for.
        next_cursor: The cursor of the next page; None: there is none.
    """

    messages: list[MessagePayload]
    next_cursor: str | None


async def list_messages(actor: Actor, room_id: str, excerpt: Excerpt, claimed: Role | None = None) -> MessagePage:
    """List messages of a room. Those from before the side's deletion of the room are left out.

        page = await list_messages(identity, "7.9", Excerpt(limit=20))
        older = await list_messages(identity, "7.9", Excerpt(limit=20, cursor=page.next_cursor))

    Args:
        actor: The authenticated user, one side of the room.
        room_id: The room's id.
        excerpt: Which messages.
        claimed: The side that the client says the user is on; None: it does not say.

    Returns:
        A page of them.

    Raises:
        RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `role_not_allowed`; `validation_failed` for a
            cursor of another list or order.
    """
    room = await load_room(room_id)
    side = room.side_for(actor, claimed)
    about = partial(_end_of, room_id, side, excerpt.oldest_first)
    conditions = _stretch(excerpt, room.hidden_until(side), about).conditions(_place(excerpt))
    ranges = ([{"room_id": room_id, **condition}] for condition in conditions)
    return _page(await in_store_thread(_find, ranges, excerpt), excerpt)


async def list_unseen_messages(
    actor: Actor, room_id: str, excerpt: Excerpt, claimed: Role | None = None
) -> MessagePage:
    """List the messages of a room that were written to the user and that the user has not seen.

    Args and exceptions are those of `list_messages`.

    Returns:
        A page of them.
    """
    room = await load_room(room_id)
    hidden_until = room.hidden_until(room.side_for(actor, claimed))
    conditions = _stretch(excerpt, hidden_until).conditions(_place(excerpt))
    unseen = {"room_id": room_id, "to": actor.user_id, "is_seen": UNSEEN}
    # In two stages: what the index of the unseen finds, and what is left of that.
    ranges = ([unseen, condition] for condition in conditions)
    return _page(await in_store_thread(_find, ranges, excerpt), excerpt)


def _end_of(room_id: str, side: Role, oldest: bool) -> datetime.datetime | None:
    """About when a room's oldest or newest message is from, by the room's own fields."""
    room = durable(Room).find_one({"_id": room_id}, ["created_at", SIDES[side].last_message_at]) or {}
    return stored_time(room.get("created_at")) if oldest else last_message_at(room, side)


def _stretch(
    excerpt: Excerpt,
    hidden_until: datetime.datetime | None,
    about: Callable[[], datetime.datetime | None] | None = None,
) -> Stretch:
    after = max((instant for instant in (excerpt.after, hidden_until) if instant is not None), default=None)
    return Stretch("created_at", excerpt.oldest_first, after, excerpt.before, about)


def _place(excerpt: Excerpt) -> Place | None:
    """Where the page before ended. RuleViolation: the cursor is of no page in this order."""
    if excerpt.cursor is None:
        return None
    position = to_position(excerpt.cursor, MessagePosition)
    if position.oldest_first is not excerpt.oldest_first:
        raise unusable(excerpt.cursor)
    return to_place(excerpt.cursor, position)


def _find(ranges: Iterable[list[Condition]], excerpt: Excerpt) -> list[Document]:
    """Run the queries in their order until there is one message more than a page has."""
    way = 1 if excerpt.oldest_first else -1
    found: list[Document] = []
    for conditions in ranges:
        found += durable(Message).aggregate(
            [
                *({"$match": condition} for condition in conditions),
                {"$sort": {"created_at": way, "_id": way}},
                {"$limit": excerpt.limit + 1 - len(found)},
            ]
        )
        if len(found) > excerpt.limit:
            break
    return found


def _page(found: list[Document], excerpt: Excerpt) -> MessagePage:
    page = found[: excerpt.limit]
    next_cursor = None
    if len(found) > len(page):
        last = Place.of(page[-1], "created_at")
        next_cursor = to_cursor(MessagePosition(excerpt.oldest_first, from_instant(last.at), last.id))
    return MessagePage([MessagePayload.read(message) for message in page], next_cursor)
