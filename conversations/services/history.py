"""What was said in a room: its history, page by page, and what of it one side has not seen."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field

from chozoi_chat.identity import Role
from conversations.actor import Actor
from conversations.cursors import MessagePosition, from_instant, to_cursor, to_instant, to_position, unusable
from conversations.instants import from_store
from conversations.models import Message
from conversations.payloads import MessagePayload
from conversations.room_loader import load_room
from conversations.store import Document, durable, in_store_thread

LARGEST_PAGE = 100
"""Rows that one page of a list has at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """Which part of a room's messages: `before` and `after` these instants, at most `limit`, in which order.

    `cursor`: what follows a page that ended with it.
    """

    limit: int
    oldest_first: bool = False
    before: datetime.datetime | None = None
    after: datetime.datetime | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages, and the cursor of what follows; `None`: nothing does."""

    messages: list[MessagePayload] = field(default_factory=list)
    next_cursor: str | None = None


async def list_messages(actor: Actor, room_id: str, excerpt: Excerpt, claimed: Role | None = None) -> MessagePage:
    """Messages of a room, as far as the user's side sees them: not those before its deletion.

    RuleViolation: `room_not_found`, `not_a_member`, `role_mismatch`, `validation_failed`, `store_unavailable`.
    """
    room = await load_room(room_id)
    return await _page({"room_id": room_id}, excerpt, room.hidden_until(room.side_of(actor.user_id, claimed)))


async def list_unseen_messages(
    actor: Actor, room_id: str, excerpt: Excerpt, claimed: Role | None = None
) -> MessagePage:
    """Those of them that were written to the user, who has not seen them. RuleViolation: as `list_messages`."""
    room = await load_room(room_id)
    side = room.side_of(actor.user_id, claimed)
    unseen = {"room_id": room_id, "to": actor.user_id, "is_seen": {"$in": [False, None]}}
    return await _page(unseen, excerpt, room.hidden_until(side))


async def _page(of: Document, excerpt: Excerpt, hidden_until: datetime.datetime | None) -> MessagePage:
    conditions = [{**of, **times} for times in _times(excerpt, hidden_until)]
    found = await in_store_thread(_find, conditions, excerpt)
    page = found[: excerpt.limit]
    if len(found) == len(page):
        return MessagePage([MessagePayload.read(message) for message in page])
    created_at = page[-1].get("created_at")
    position = MessagePosition(
        oldest_first=excerpt.oldest_first,
        created_at=from_instant(from_store(created_at) if created_at else None),
        message_id=page[-1]["_id"],
    )
    return MessagePage([MessagePayload.read(message) for message in page], to_cursor(position))


def _find(conditions: list[Document], excerpt: Excerpt) -> list[Document]:
    """One more than a page has, where there is one."""
    way = 1 if excerpt.oldest_first else -1
    found: list[Document] = []
    for condition in conditions:
        if len(found) <= excerpt.limit:
            rows = durable(Message).find(condition, sort=[("created_at", way), ("_id", way)])
            found += rows.limit(excerpt.limit + 1 - len(found))
    return found


def _times(excerpt: Excerpt, hidden_until: datetime.datetime | None) -> Iterator[Document]:
    """Conditions on the sort key, each a range of the index; their rows follow each other in the excerpt's order.

    Old messages may lack `created_at`: they sort before all others, and lie in no interval of time.
    """
    after = max((instant for instant in (excerpt.after, hidden_until) if instant is not None), default=None)
    interval = {
        **({"$gt": after} if after is not None else {}),
        **({"$lt": excerpt.before} if excerpt.before is not None else {}),
    }
    if excerpt.cursor is None:
        yield {"created_at": interval} if interval else {}
        return
    position = to_position(excerpt.cursor, MessagePosition)
    if position.oldest_first is not excerpt.oldest_first:
        raise unusable(excerpt.cursor)
    beyond = "$gt" if excerpt.oldest_first else "$lt"
    next_ids = {"_id": {beyond: position.message_id}}
    if position.created_at is None:
        if not interval:
            yield {"created_at": None, **next_ids}
        if excerpt.oldest_first:
            yield {"created_at": interval or {"$ne": None}}
        return
    at = to_instant(position.created_at, excerpt.cursor)
    from_there = {**interval, f"{beyond}e": at}
    yield {"created_at": from_there, "$or": [{"created_at": {beyond: at}}, next_ids]}
    if not excerpt.oldest_first and not interval:
        yield {"created_at": None}
