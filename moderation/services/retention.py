"""Retention: deleting messages older than a time, and what moderation keeps of their content.

Messages are indexed by room, so it works room by room, in steps short enough that nothing else waits for long. A run
that was cut off is completed by the next one, which passes quickly over what is done.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple

from django.utils import timezone

from conversations.images.uploads import collect, let_go, sweep
from conversations.models import SIDES, UNSEEN, Message, Room
from conversations.storage.changes import CHANGED
from moderation.models import Act, Evidence, FilterHit, HeldMessage, RedactedOriginal, Revision
from moderation.models.reports import UNFINISHED
from moderation.services.audit import Target, record
from moderation.services.evidence import clear_filter_reports, images_of, is_unfinished
from moderation.services.holds import held_rooms, held_users, protected_in
from moderation.staff import Staff
from persistence.mongodb import durable, in_parts, in_store_thread
from persistence.timestamps import from_store, to_wire

_UPLOADS_AT_ONCE = 100
_PAGE = 5000


class Retained(NamedTuple):
    """The result of `delete_older`: how many messages were deleted, and how many as old are protected."""

    deleted: int
    kept: int


async def delete_older(
    staff: Staff,
    days: int,
    *,
    batch: int = 1000,
    progress: Callable[[int, int, int], None] = lambda rooms, of, messages: None,
) -> Retained:
    """Delete all messages older than a number of days. The run is recorded before it begins.

    Rooms stay; a last message that is gone leaves its room, and the unseen counters follow. What open reports and holds
    protect stays, with all that moderation keeps of it. Messages without a time, which very old ones may be, stay, too.

    Args:
        staff: Who runs it.
        days: The age in days, at least 1.
        batch: How many messages one step deletes, at least 1.
        progress: Called with the number of rooms done, of all rooms, and of messages deleted so far.

    Returns:
        How many messages were deleted and kept.

    Raises:
        ValueError: `days` or `batch` is below 1, or `days` reaches back before the year 1.
    """
    if days < 1 or batch < 1:
        raise ValueError(f"`days` is {days} and `batch` {batch}: both must be 1 or more")
    try:
        before = timezone.now() - datetime.timedelta(days=days)
    except OverflowError:
        raise ValueError(f"`days` is {days}: there were not so many days since the year 1") from None
    await in_store_thread(
        record, staff, Act.MESSAGES_EXPIRED, Target("messages", "all"), after={"days": days, "before": to_wire(before)}
    )
    rooms = await ids_of_rooms()
    deleted = kept = 0
    for done, room_id in enumerate(rooms, 1):
        in_room = 0
        while step := await in_store_thread(delete_some, room_id, before, batch):
            in_room += step
            progress(done - 1, len(rooms), deleted + in_room)
        kept += await in_store_thread(_follow_in_room, room_id, before)
        deleted += in_room
        progress(done, len(rooms), deleted)
    await in_store_thread(_delete_kept, before)
    while await sweep(_UPLOADS_AT_ONCE):
        pass
    return Retained(deleted, kept)


async def ids_of_rooms(condition: dict[str, Any] | None = None) -> list[str]:
    """The ids of the rooms that match a condition, or of all.

    They are read into memory, since work on them may take longer than a cursor lives.
    """
    cursor = await in_store_thread(lambda: durable(Room).find(condition or {}, ["_id"], batch_size=_PAGE))
    ids: list[str] = []
    while page := await in_store_thread(lambda: [room["_id"] for room in islice(cursor, _PAGE)]):
        ids += page
    return ids


def delete_some(room_id: str, before: datetime.datetime, batch: int) -> int:
    """Delete the oldest messages of a room, with originals, revisions and images. Runs in a thread of the store.

    Args:
        room_id: The room.
        before: Messages older than this are deleted.
        batch: How many; a few more where several have the time of the last one.

    Returns:
        How many messages were deleted; 0: none is left that is not protected.
    """
    protected = protected_in(room_id)
    if protected.everything:
        return 0
    old = {"room_id": room_id, "created_at": {"$lt": before}, **protected.others()}
    last = durable(Message).find(old, ["created_at"], sort=[("created_at", 1)], limit=batch)
    instants = [message["created_at"] for message in last]
    if not instants:
        return 0
    # All of the last millisecond, which is the finest that MongoDB stores.
    until = from_store(instants[-1]) + datetime.timedelta(milliseconds=1)
    oldest = {**old, "created_at": {"$lt": until}}
    going = list(durable(Message).find(oldest, ["redacted_at", "image"]))
    redacted = [message["_id"] for message in going if message.get("redacted_at") is not None]
    originals = [
        original
        for part in in_parts(redacted)
        for original in durable(RedactedOriginal).find({"_id": {"$in": part}}, ["image"])
    ]
    parts = list(in_parts([message["_id"] for message in going]))
    revisions = [
        revision for part in parts for revision in durable(Revision).find({"message_id": {"$in": part}}, ["image"])
    ]
    images = images_of([*going, *originals, *revisions])
    let_go(images)
    for part in in_parts(redacted):
        durable(RedactedOriginal).delete_many({"_id": {"$in": part}})
    for part in parts:
        durable(Revision).delete_many({"message_id": {"$in": part}})
    deleted = durable(Message).delete_many(oldest).deleted_count
    collect(images)
    return deleted


def _follow_in_room(room_id: str, before: datetime.datetime) -> int:
    """Remove a last message that is gone from its room, and lower the unseen counters to what is left.

    Returns how many messages as old are protected.
    """
    is_old = {"room_id": room_id, "created_at": {"$lt": before}}
    kept = durable(Message).count_documents(is_old) if protected_in(room_id) else 0
    for side in SIDES.values():
        last = side.last_message
        old = durable(Room).find_one({"_id": room_id, side.last_message_at: {"$lt": before}}, [f"{last}._id"])
        if old is not None and (not kept or not durable(Message).find_one({"_id": old[last].get("_id")}, ["_id"])):
            durable(Room).update_one(
                {"_id": room_id, side.last_message_at: {"$lt": before}},
                {"$unset": {last: ""}, "$set": {side.unseen_messages: 0}, **CHANGED},
            )
        room = durable(Room).find_one({"_id": room_id, side.unseen_messages: {"$gt": 0}}, [side.user])
        if room is not None:
            unseen = {"room_id": room_id, "to": room.get(side.user), "is_seen": UNSEEN}
            left = durable(Message).count_documents(unseen)
            durable(Room).update_one(
                {"_id": room_id, side.unseen_messages: {"$gt": left}}, {"$set": {side.unseen_messages: left}, **CHANGED}
            )
    return kept


def _delete_kept(before: datetime.datetime) -> None:
    """Delete what moderation keeps of old content: held messages, evidence, hits, and what filters' reports quote."""
    users = sorted(held_users())
    held = {"held_at": {"$lt": before}, "sender": {"$nin": users}, "room_id": {"$nin": held_rooms()}}
    images = images_of(durable(HeldMessage).find({**held, "image": {"$gte": ""}}, ["image"]))
    closed = [
        kept
        for kept in durable(Evidence).find({"kept_at": {"$lt": before}}, ["images", "room_id"])
        if not is_unfinished(kept["_id"]) and not protected_in(kept["room_id"])
    ]
    images += [image for kept in closed for image in kept["images"]]
    let_go(images)
    durable(HeldMessage).delete_many(held)
    for part in in_parts([kept["_id"] for kept in closed]):
        durable(Evidence).delete_many({"_id": {"$in": part}})
    collect(images)
    clear_filter_reports({"created_at": {"$lt": before}, "state": {"$nin": list(UNFINISHED)}})
    durable(FilterHit).delete_many(
        {"at": {"$lt": before}, "user_id": {"$nin": users}, "room_id": {"$nin": held_rooms()}}
    )
