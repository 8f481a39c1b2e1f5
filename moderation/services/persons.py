"""A person's data: exporting and erasing it. Both work room by room, by the indexes of rooms and messages."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from django.db import models
from django.utils import timezone

from conversations.images.uploads import collect, let_go
from conversations.models import SIDES, Message, Room
from conversations.services import REDACTED
from conversations.storage.changes import CHANGED, note_messages_changed
from identity import Role
from moderation.models import (
    Act,
    FilterHit,
    HeldMessage,
    Note,
    RedactedOriginal,
    Report,
    Restriction,
    Revision,
    TargetKind,
)
from moderation.models.reports import UNFINISHED
from moderation.services.audit import Target, record
from moderation.services.evidence import clear_filter_reports, erase_in_evidence, images_of
from moderation.services.holds import held_users, protected_in
from moderation.services.requirements import require_reason
from moderation.services.retention import ids_of_rooms
from moderation.staff import Staff
from persistence.fields import as_json
from persistence.mongodb import Document, durable, in_parts, in_store_thread

AT_ONCE = 500
"""Messages that one step erases."""
_NOT_ERASED: Final = [{"content": {"$ne": REDACTED}}, {"redacted_at": None}, {"client_message_id": {"$ne": None}}]

_OF_PERSON: Final[tuple[tuple[str, type[models.Model], str], ...]] = (
    ("redacted_original", RedactedOriginal, "sender"),
    ("revision", Revision, "sender"),
    ("held_message", HeldMessage, "sender"),
    ("filter_hit", FilterHit, "user_id"),
    ("report_made", Report, "reporter"),
    ("restriction", Restriction, "user_id"),
)
"""What is given out besides rooms and messages: its kind, its collection, and the field that has the person's id."""


async def export_person(staff: Staff, user_id: str, reason: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Export all that is kept of a person. The export is recorded before it begins.

    Args:
        staff: Who exports.
        user_id: The person's id.
        reason: Why, for the audit.

    Returns:
        Pairs of a kind and a document as JSON. The kinds are `room` (without the other side's part), `message` (what
        the person wrote), and those of `_OF_PERSON`. They are read from the store as they are taken.

    Raises:
        RuleViolation: `validation_failed`: there is no reason.
    """
    await in_store_thread(record, staff, Act.PERSON_EXPORTED, _target(user_id), reason=require_reason(reason))
    return _export(user_id, await _rooms_of(user_id))


def json_array(data: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    """Write what `export_person` returns as one JSON array of {kind, data}, a document a line."""
    yield "["
    for number, (kind, document) in enumerate(data):
        line = json.dumps({"kind": kind, "data": document}, ensure_ascii=False)
        yield f",\n{line}" if number else f"\n{line}"
    yield "\n]\n"


async def erase_person(
    staff: Staff,
    user_id: str,
    reason: str,
    *,
    progress: Callable[[int, int, int], None] = lambda rooms, of, messages: None,
) -> dict[str, int]:
    """Erase the content of all that a person wrote, and a buyer's details in their rooms. It cannot be undone.

    Rooms stay, with the order, times and sides of their messages; so does the audit, which names people by id. What
    open reports and holds protect stays, too: erase again when those have ended. An erasure that was cut off is
    completed by the next one. It is recorded before it begins.

    Args:
        staff: Who erases.
        user_id: The person's id.
        reason: Why, for the audit.
        progress: Called with the number of rooms done, of all rooms, and of messages erased so far.

    Returns:
        How many documents of each kind were changed; under `kept`, how many messages are protected.

    Raises:
        RuleViolation: `validation_failed`: there is no reason.
    """
    await in_store_thread(record, staff, Act.PERSON_ERASED, _target(user_id), reason=require_reason(reason))
    rooms = await _rooms_of(user_id)
    # First, so that nobody restores or releases meanwhile what is erased here; and last, for what came meanwhile.
    changed = Counter(await in_store_thread(_erase_moderation, user_id, rooms))
    now = timezone.now()
    messages = kept = 0
    for done, room_id in enumerate(rooms, 1):
        while step := await in_store_thread(_erase_some, room_id, user_id, now):
            messages += step
            progress(done - 1, len(rooms), messages)
        kept += await in_store_thread(erase_in_room, room_id, user_id, now)
        progress(done, len(rooms), messages)
    changed.update(await in_store_thread(_erase_moderation, user_id, rooms))
    return {"rooms": len(rooms), "messages": messages, "kept": kept, **changed}


async def _rooms_of(user_id: str) -> list[str]:
    return [room for side in Role for room in await ids_of_rooms({side.lower(): user_id})]


def _export(user_id: str, rooms: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for room_id in rooms:
        room = durable(Room).find_one({"_id": room_id})
        if room is not None:
            yield "room", as_json(_own_part(room, Role.BUYER if room.get("buyer") == user_id else Role.SELLER))
        for message in durable(Message).find({"room_id": room_id, "from": user_id}, sort=[("created_at", 1)]):
            yield "message", as_json(message)
    for kind, model, field in _OF_PERSON:
        for found in durable(model).find({field: user_id}):
            yield kind, as_json(found)


def _own_part(room: Document, side: Role) -> Document:
    """A room without what is the other side's own, and without copies of messages."""
    other = SIDES[side.other]
    hidden = {
        "shop" if side is Role.BUYER else "buyer_info",
        *(fields.last_message for fields in SIDES.values()),
        other.pinned_at,
        other.unseen_messages,
        other.deleted,
        other.deleted_at,
    }
    return {name: value for name, value in room.items() if name not in hidden}


def _erase_some(room_id: str, user_id: str, now: datetime.datetime) -> int:
    protected = protected_in(room_id)
    if protected.covers(user_id):
        return 0
    # The first stage is what the index finds.
    theirs = {"$and": [{"from": user_id, "$or": _NOT_ERASED}, protected.others()]}
    stages: list[Document] = [{"$match": {"room_id": room_id}}, {"$match": theirs}]
    stages += [{"$limit": AT_ONCE}, {"$project": {"image": 1}}]
    erasing = list(durable(Message).aggregate(stages))
    ids = [message["_id"] for message in erasing]
    images = images_of(erasing)
    let_go(images)
    for part in in_parts(ids):
        durable(Message).update_many(
            {"_id": {"$in": part}, "room_id": room_id},
            {
                "$set": {"content": REDACTED, "redacted_at": now},
                # The first two may be made from the message's content.
                "$unset": {"client_message_id": "", "dedup_key": "", "image": ""},
                **CHANGED,
            },
        )
    if ids:
        note_messages_changed(room_id)
    collect(images, of=user_id)
    return len(ids)


def erase_in_room(room_id: str, user_id: str, now: datetime.datetime) -> int:
    """Erase what a room keeps of a person besides its messages. Runs in a thread of the store.

    Returns:
        How many of the person's messages in the room are protected.
    """
    protected = protected_in(room_id)
    stages: list[Document] = [{"$match": {"room_id": room_id}}, {"$match": {"from": user_id, "$or": _NOT_ERASED}}]
    kept = len(list(durable(Message).aggregate([*stages, {"$project": {"_id": 1}}]))) if protected else 0
    if protected.covers(user_id):
        return kept
    for last in (fields.last_message for fields in SIDES.values()):
        durable(Room).update_one(
            {"_id": room_id, f"{last}.from": user_id, f"{last}._id": {"$nin": sorted(protected.messages)}},
            {
                "$set": {f"{last}.content": REDACTED, f"{last}.redacted_at": now},
                "$unset": {f"{last}.client_message_id": ""},
            },
        )
    durable(Room).update_one({"_id": room_id, "buyer": user_id}, {"$unset": {"buyer_info": ""}, **CHANGED})
    collect(erase_in_evidence(room_id, user_id), of=user_id)
    return kept


def _erase_moderation(user_id: str, rooms: list[str]) -> dict[str, int]:
    if user_id in held_users():
        return {}
    protections = {room_id: protected_in(room_id) for room_id in rooms}
    covered = [room_id for room_id, protected in protections.items() if protected.covers(user_id)]
    kept = sorted({message_id for protected in protections.values() for message_id in protected.messages})
    theirs = {"sender": user_id, "room_id": {"$nin": covered}}
    going: dict[str, tuple[type[models.Model], Document]] = {
        "redacted_originals": (RedactedOriginal, {**theirs, "_id": {"$nin": kept}}),
        "revisions": (Revision, {**theirs, "message_id": {"$nin": kept}}),
        "held_messages": (HeldMessage, theirs),
    }
    images = [
        image
        for model, condition in going.values()
        for image in images_of(durable(model).find({**condition, "image": {"$gte": ""}}, ["image"]))
    ]
    let_go(images)
    no_text = {"$set": {"text": ""}}
    with_text = {"text": {"$ne": ""}}
    closed = {"state": {"$nin": list(UNFINISHED)}}
    changed = {name: durable(model).delete_many(condition).deleted_count for name, (model, condition) in going.items()}
    hits = {"user_id": user_id, "room_id": {"$nin": covered}, **with_text}
    changed |= {
        "filter_hits": durable(FilterHit).update_many(hits, no_text).modified_count,
        "reports_made": durable(Report)
        .update_many({"reporter": user_id, **closed, **with_text}, no_text)
        .modified_count,
        "reports_of_filters": clear_filter_reports({"user_id": user_id, **closed}),
        "notes": durable(Note).delete_many({"target_kind": TargetKind.USER, "target_id": user_id}).deleted_count,
    }
    collect(images, of=user_id)
    return changed


def _target(user_id: str) -> Target:
    return Target("user", user_id, user_id=user_id)
