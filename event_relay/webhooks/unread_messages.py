"""Which of some messages their receivers should be told of: unseen, the receiver is offline, and nothing forbids it.

A look at a hundred messages is four questions, each by an index: the messages and their rooms by id, the restrictions
of those who wrote them and get them, and who is online.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Self

from django.utils import timezone
from pymongo.database import Database

from conversations.models import SIDES, Message, Room, is_visible
from identity import Role
from moderation.models import Restriction, RestrictionKind
from persistence.engine.values import as_text
from persistence.fields import count_in, flag_in, text_in
from presence import Observer

Document = Mapping[str, Any]


class Candidate(NamedTuple):
    """A message that may be unread."""

    message_id: str
    room_id: str
    sender: str
    receiver: str


class UnreadMessages:
    """What the stores say of some messages at one moment.

    Attributes:
        messages: Those that are unseen and not redacted, by id.
        rooms: The rooms of the messages, by id.
        silenced: Users who are muted or banned: nobody is told of what they wrote.
        unreachable: Users who are online, or banned: they are told of nothing.
    """

    def __init__(
        self,
        messages: Mapping[str, Document],
        rooms: Mapping[str, Document],
        silenced: Collection[str],
        unreachable: Collection[str],
    ) -> None:
        self.messages = messages
        self.rooms = rooms
        self.silenced = silenced
        self.unreachable = unreachable

    @classmethod
    def read(
        cls, database: Database[dict[str, Any]], candidates: Collection[Candidate], ask: asyncio.Runner, who: Observer
    ) -> Self:
        """Ask the stores.

        Args:
            database: The database, with aware times.
            candidates: The messages.
            ask: Runs the question to Redis.
            who: Knows who is online.

        Raises:
            PyMongoError, DatabaseError: MongoDB does not answer.
            REDIS_AWAY: Redis does not.
        """
        rooms, users = {each.room_id for each in candidates}, set[str]()
        for each in candidates:
            users |= {each.sender, each.receiver}
        ids = {"_id": {"$in": [each.message_id for each in candidates]}}
        messages = {
            str(found["_id"]): found for found in database[Message._meta.db_table].find(ids) if _is_unread(found)
        }
        found_rooms = {
            str(found["_id"]): found
            for found in database[Room._meta.db_table].find({"_id": {"$in": list(rooms)}}, _ROOM_FIELDS)
        }
        muted, banned = _restricted(users, timezone.now())
        receivers = sorted({each.receiver for each in candidates if each.message_id in messages})
        online = ask.run(who.online(receivers)) if receivers else set[str]()
        return cls(messages, found_rooms, muted | banned, banned | online)

    def may_be_told(self, candidate: Candidate) -> bool:
        """Whether the receiver of a message should be told of it."""
        room = self.rooms.get(candidate.room_id)
        return (
            candidate.message_id in self.messages
            and room is not None
            and not as_text(room.get("blocked_by"))
            and (side := _side(room, candidate.receiver)) is not None
            and is_visible(dict(room), side)
            and candidate.sender not in self.silenced
            and candidate.receiver not in self.unreachable
        )

    def data(self, told: Iterable[Candidate]) -> dict[str, Any]:
        """The `data` of the event that tells of some messages of one room to one receiver, oldest first."""
        together = list(told)
        last = self.messages[together[-1].message_id]
        room = self.rooms[together[0].room_id]
        side = _side(room, together[0].receiver)
        counted = count_in(room, SIDES[side].unseen_messages) if side else 0
        return {
            "room_id": together[0].room_id,
            "from": together[0].sender,
            "to": together[0].receiver,
            "message_ids": [each.message_id for each in together],
            "unseen_messages": max(counted, len(together)),
            "message_id": together[-1].message_id,
            "type": text_in(last, "type"),
            "content": text_in(last, "content"),
            "created_at": last.get("created_at"),
        }


_ROOM_FIELDS = [
    *("buyer", "seller", "blocked_by"),
    *(field for fields in SIDES.values() for field in (*fields.visibility, fields.unseen_messages)),
]


def _is_unread(message: Document) -> bool:
    return not flag_in(message, "is_seen") and message.get("redacted_at") is None


def _side(room: Document, user_id: str) -> Role | None:
    return next((side for side, fields in SIDES.items() if text_in(room, fields.user) == user_id), None)


def _restricted(users: Collection[str], now: datetime.datetime) -> tuple[set[str], set[str]]:
    """Those of the users who are muted, and those who are banned."""
    found: dict[str, set[str]] = {RestrictionKind.MUTE: set(), RestrictionKind.BAN: set()}
    active = Restriction.objects.all().active(now).filter(user_id__in=sorted(users), kind__in=list(found))
    for kind, user_id in active.values_list("kind", "user_id"):
        found[kind].add(user_id)
    return found[RestrictionKind.MUTE], found[RestrictionKind.BAN]
