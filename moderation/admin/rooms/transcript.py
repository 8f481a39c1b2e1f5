"""The messages of a room as staff read them, with the hits and the redaction of each."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from django.utils import timezone

from conversations.message_content import is_at_a_known_host
from conversations.models import Message, MessageType, Room
from conversations.services import SUPPORT
from identity import Role
from moderation.admin.changelists.windows import BEGINNING, going_back
from moderation.models import FilterHit, RedactedOriginal, Report, ReportReason, TargetKind
from moderation.models.reports import UNFINISHED
from persistence.database import connection
from persistence.keyset import Place, Stretch
from persistence.mongodb import Document, durable, in_parts

PAGE: Final = 40
MOST_NEW: Final = 200
"""Messages that are asked for at once because they are new."""
OVERLAP: Final = datetime.timedelta(seconds=10)
"""Two processes may give times in another order than that in which their messages arrive."""
NEIGHBOURS: Final = 5


@dataclass(slots=True)
class Line:
    """One message.

    Attributes:
        message: The message.
        side: `buyer`, `seller` or `support`.
        name: The name of the sender.
        hits: The filters that hit it.
        redaction: Who redacted it, when and why; not the original.
        reports: The key and the reason of each unfinished report about it.
    """

    message: Message
    side: str
    name: str
    hits: list[str] = field(default_factory=list)
    redaction: Mapping[str, Any] | None = None
    reports: list[tuple[str, str]] = field(default_factory=list)

    @property
    def shows_image(self) -> bool:
        """Whether the page may load the image by itself: it is at a known host, not anywhere that a user named."""
        return bool(self.image_url) and is_at_a_known_host(self.image_url)

    @property
    def image_url(self) -> str:
        """The address of the image, which a viewer may open; empty: there is none."""
        if self.message.type != MessageType.IMAGE or self.message.redacted_at is not None:
            return ""
        try:
            scheme = urlsplit(self.message.content).scheme
        except ValueError:
            return ""
        is_path = self.message.content.startswith("/") and not self.message.content.startswith("//")
        return self.message.content if is_path or scheme in ("http", "https") else ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """Lines, the earliest first; `earlier` is where the page before them ends, None: there is none."""

    lines: list[Line]
    earlier: Place | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of one room, the earliest first; `target` is the message that they surround, if there is one."""

    room_id: str
    lines: list[Line]
    target: Message | None = None


def read_back(
    room: Room,
    limit: int,
    *,
    before: Place | None = None,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    matching: Document | None = None,
) -> list[Message]:
    """Read the latest messages of a room, the latest first.

    Args:
        room: The room.
        limit: How many.
        before: Only those before this place.
        since: Only those from this time on.
        until: Only those before this time.
        matching: Another condition.
    """
    connection.ensure_connection()
    found: list[str] = []
    if before is None or before.at is not None:
        end = until
        if before is not None and before.at is not None:
            after = before.at + datetime.timedelta(milliseconds=1)
            end = after if until is None else min(until, after)
        about = room.updated_at or timezone.now()
        for window in going_back(end, since or BEGINNING, about):
            source = {"room_id": room.pk, "created_at": window.condition()}
            found += _ids(source, before, matching, limit - len(found))
            if len(found) >= limit:
                break
    if len(found) < limit and since is None and until is None:
        found += _ids({"room_id": room.pk, "created_at": None}, before, matching, limit - len(found))
    return load(found)


def latest(room: Room, limit: int = PAGE, before: Place | None = None) -> Transcript:
    """The latest lines of a room, or the latest before a place."""
    found = read_back(room, limit + 1, before=before)
    page = found[:limit]
    earlier = place_of(page[-1]) if len(found) > limit else None
    return Transcript(lines_of(room, list(reversed(page))), earlier)


def around(room: Room, message: Message, *, before: int = PAGE // 2, after: int = MOST_NEW) -> Transcript:
    """A message with lines before and after it.

    Args:
        room: The room.
        message: The message.
        before: How many lines before it at most.
        after: How many lines after it at most.
    """
    place = place_of(message)
    found = read_back(room, before + 1, before=place)
    earlier = found[:before]
    more = place_of(earlier[-1]) if len(found) > before else None
    return Transcript(lines_of(room, [*reversed(earlier), message, *_following(room, place, after)]), more)


def since(room: Room, instant: datetime.datetime) -> Transcript:
    """The lines since an instant, and shortly before it."""
    return Transcript(lines_of(room, _since(room, instant - OVERLAP, MOST_NEW)))


def one(room: Room, message_id: str) -> Transcript:
    """One message of the room, if it is there."""
    message = message_of(room, message_id)
    return Transcript(lines_of(room, [] if message is None else [message]))


def room_or_shell(room_id: str) -> Room:
    """A room; where it was deleted and messages are left, an empty one with this id."""
    return Room.objects.filter(pk=room_id).first() or Room(room_id=room_id)


def message_of(room: Room, message_id: str) -> Message | None:
    """A message of this room; None: there is none."""
    message = Message.objects.filter(pk=message_id).first() if message_id else None
    return message if message is not None and message.room_id == room.pk else None


def load(ids: Sequence[str]) -> list[Message]:
    """Read messages by id, in the order of the ids."""
    messages = {message.pk: message for part in in_parts(ids) for message in Message.objects.filter(pk__in=part)}
    return [messages[message_id] for message_id in ids if message_id in messages]


def place_of(message: Message) -> Place:
    """The place of a message in its room."""
    return Place(message.created_at, message.pk)


def lines_of(room: Room, messages: Iterable[Message]) -> list[Line]:
    """Make lines of messages, with a few queries for all of them."""
    lines = {message.pk: Line(message, *_speaker(room, message)) for message in messages}
    for part in in_parts(lines):
        for message_id, filter_name in FilterHit.objects.filter(message_id__in=part).values_list(
            "message_id", "filter_name"
        ):
            if filter_name not in lines[message_id].hits:
                lines[message_id].hits.append(filter_name)
    for report in _reports_about(list(lines)):
        lines[report["target_id"]].reports.append((str(report["_id"]), ReportReason(report["reason"]).label))
    redacted = [message_id for message_id, line in lines.items() if line.message.redacted_at is not None]
    for part in in_parts(redacted):
        for redaction in RedactedOriginal.objects.filter(pk__in=part).values(
            "message_id", "redacted_by", "redacted_at", "reason"
        ):
            lines[redaction["message_id"]].redaction = redaction
    return list(lines.values())


def name_of(room: Room, side: Role) -> str:
    """The name of a side of a room."""
    known, user_id = (room.buyer_info, room.buyer) if side is Role.BUYER else (room.shop, room.seller)
    return str(known.get("name") or "") or f"{side.value.capitalize()} {user_id}"


def excerpt_around(message_id: str) -> Excerpt | None:
    """A message with its neighbours; None: it was deleted."""
    target = Message.objects.filter(pk=message_id).first()
    if target is None:
        return None
    shown = around(room_or_shell(target.room_id), target, before=NEIGHBOURS, after=NEIGHBOURS)
    return Excerpt(target.room_id, shown.lines, target)


def latest_of(room_id: str) -> Excerpt:
    """The latest messages of a room."""
    return Excerpt(room_id, latest(room_or_shell(room_id), 2 * NEIGHBOURS).lines)


def _reports_about(message_ids: list[str]) -> list[Document]:
    """Unfinished reports about messages. An index serves the first stage."""
    found: list[Document] = []
    for part in in_parts(message_ids):
        stages: list[Document] = [
            {"$match": {"target_kind": TargetKind.MESSAGE.value, "target_id": {"$in": part}}},
            {"$match": {"state": {"$in": list(UNFINISHED)}}},
            {"$project": {"target_id": 1, "reason": 1}},
        ]
        found += durable(Report).aggregate(stages)
    return found


def _following(room: Room, place: Place, limit: int) -> list[Message]:
    found: list[str] = []
    for condition in Stretch("created_at", oldest_first=True).conditions(place):
        stages: list[Document] = [{"$match": {"room_id": room.pk, **condition}}, {"$sort": {"created_at": 1, "_id": 1}}]
        stages += [{"$limit": limit - len(found)}, {"$project": {"_id": 1}}]
        found += [message["_id"] for message in durable(Message).aggregate(stages)]
        if len(found) >= limit:
            break
    return load(found)


def _since(room: Room, instant: datetime.datetime, limit: int) -> list[Message]:
    connection.ensure_connection()
    found = durable(Message).find(
        {"room_id": room.pk, "created_at": {"$gte": instant}},
        ["_id"],
        sort=[("created_at", 1), ("_id", 1)],
        limit=limit,
    )
    return load([message["_id"] for message in found])


def _ids(source: Document, before: Place | None, matching: Document | None, limit: int) -> list[str]:
    """Read ids. An index serves the first stage."""
    stages: list[Document] = [{"$match": source}]
    if before is not None:
        stages.append({"$match": before.earlier("created_at")})
    if matching:
        stages.append({"$match": matching})
    stages += [{"$sort": {"created_at": -1, "_id": -1}}, {"$limit": limit}, {"$project": {"_id": 1}}]
    return [message["_id"] for message in durable(Message).aggregate(stages)]


def _speaker(room: Room, message: Message) -> tuple[str, str]:
    if message.sender == SUPPORT:
        return SUPPORT, "Support"
    side = room.side_of(message.sender)
    if side is None:
        return Role.BUYER.lower(), f"User {message.sender}"
    return side.lower(), name_of(room, side)
