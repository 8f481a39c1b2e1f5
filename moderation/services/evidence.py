"""What moderation keeps of content: evidence of a report when it is made, and revisions before an edit."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, Final

from conversations.models import Message, Room
from moderation.models import Evidence, Report, ReportReason, Revision, TargetKind
from moderation.models.reports import UNFINISHED
from persistence.fields import as_json, object_in, text_in
from persistence.mongodb import Document, document, durable
from persistence.timestamps import stored_time

NEIGHBOURS: Final = 5
_KEPT: Final = ("_id", "from", "to", "type", "content", "image", "created_at", "updated_at", "redacted_at")
_ERASED: Final = {"content": "", "erased": True}


def keep_evidence(report: Report, now: datetime.datetime) -> None:
    """Store the evidence of a new report. Runs in a thread of the store, as all functions here.

    The evidence of a reported message is the message with up to NEIGHBOURS before and after it. Of a room or a user, it
    is the room's latest messages. What the room shows of its buyer and shop is kept with it.

    Args:
        report: The report, with its key; it need not be stored yet.
        now: When the evidence is taken.
    """
    found = _around(report.target_id) if report.target_kind == TargetKind.MESSAGE else _latest(report.room_id)
    room = durable(Room).find_one({"_id": report.room_id}, ["buyer_info", "shop"]) if report.room_id else None
    said: Document = {"messages": [as_json({name: each[name] for name in _KEPT if name in each}) for each in found]}
    said |= {name: as_json(object_in(room or {}, name)) for name in ("buyer_info", "shop")}
    durable(Evidence).insert_one(
        {
            "_id": str(report.pk),
            "room_id": report.room_id,
            "kept_at": now,
            "said": said,
            "images": [each["image"] for each in found if each.get("image")],
        }
    )


def erase_in_evidence(room_id: str, user_id: str) -> list[str]:
    """Erase a user's messages, and a buyer's details, from the evidence of closed reports on one room.

    Args:
        room_id: The room.
        user_id: Whose messages are erased.

    Returns:
        The names of the images that the evidence showed and no longer keeps.
    """
    released: list[str] = []
    for kept in list(durable(Evidence).find({"room_id": room_id})):
        if is_unfinished(kept["_id"]):
            continue
        said = object_in(kept, "said")
        messages: list[Any] = said.get("messages") or []
        theirs = [each for each in messages if each.get("from") == user_id and not each.get("erased")]
        is_buyer = durable(Room).find_one({"_id": room_id, "buyer": user_id}, ["_id"]) is not None
        if not theirs and not (is_buyer and said.get("buyer_info")):
            continue
        images = {each["image"] for each in theirs if each.get("image")}
        for each in theirs:
            each.pop("image", None)
            each.update(_ERASED)
        change = {
            "said": {**said, "messages": messages, **({"buyer_info": {}} if is_buyer else {})},
            "images": [each["image"] for each in messages if each.get("image")],
        }
        durable(Evidence).update_one({"_id": kept["_id"]}, {"$set": change})
        released += images
    return released


def is_unfinished(report_id: str) -> bool:
    """Whether a report is open or in review."""
    return Report.objects.filter(pk=report_id, state__in=UNFINISHED).exists()


def keep_revision(message: Document, replaced_at: datetime.datetime) -> None:
    """Store what a message says before it is edited.

    An edit that was begun and failed may have left a revision of the same instant, which this replaces.

    Args:
        message: The message's document, before the edit.
        replaced_at: The time of the edit.
    """
    message_id = str(message["_id"])
    last = durable(Revision).find_one({"message_id": message_id}, sort=[("replaced_at", -1)])
    since = stored_time(None if last is None else last.get("replaced_at")) or stored_time(message.get("created_at"))
    revision = Revision(
        message_id=message_id,
        room_id=text_in(message, "room_id"),
        sender=text_in(message, "from"),
        type=text_in(message, "type"),
        content=text_in(message, "content"),
        image=message.get("image"),
        said_at=since,
        replaced_at=replaced_at,
    )
    stored = document(revision)
    stored.pop("_id", None)
    durable(Revision).update_one({"message_id": message_id, "replaced_at": replaced_at}, {"$set": stored}, upsert=True)


def images_of(documents: Iterable[Document]) -> list[str]:
    """The names of the images in documents of messages, originals, revisions or held messages."""
    return [document["image"] for document in documents if document.get("image")]


def clear_filter_reports(reports: Document) -> int:
    """Remove the quoted text from reports that filters made; the filter's name stays.

    Args:
        reports: A condition on reports.

    Returns:
        How many reports were changed.
    """
    quoting = {**reports, "reason": ReportReason.FILTER, "$expr": {"$ne": ["$text", "$reporter"]}}
    return durable(Report).update_many(quoting, [{"$set": {"text": "$reporter"}}]).modified_count


def _around(message_id: str) -> list[Document]:
    """A message with those before and after it, the earliest first."""
    target = durable(Message).find_one({"_id": message_id})
    if target is None:
        return []
    at, room_id = stored_time(target.get("created_at")), text_in(target, "room_id")
    if at is None or not room_id:
        return [target]
    neighbours: list[Document] = []
    for condition, direction in (({"$lt": at + datetime.timedelta(milliseconds=1)}, -1), ({"$gt": at}, 1)):
        found = durable(Message).find(
            {"room_id": room_id, "created_at": condition},
            sort=[("created_at", direction), ("_id", direction)],
            limit=NEIGHBOURS + 1,
        )
        neighbours += [each for each in found if each["_id"] != message_id][:NEIGHBOURS]
    return sorted([*neighbours, target], key=lambda each: (each["created_at"], str(each["_id"])))


def _latest(room_id: str) -> list[Document]:
    if not room_id:
        return []
    latest = durable(Message).find(
        {"room_id": room_id}, sort=[("created_at", -1), ("_id", -1)], limit=2 * NEIGHBOURS + 1
    )
    return list(reversed(list(latest)))
