"""Room summaries: what a room's document holds of its messages, the last one of each side and the unseen counters.

`update_room_summaries` adds messages known to be new: one cheap update for many rooms. `rebuild_room_summary` reads
the messages themselves, for when it is unknown whether an update took effect. A rebuild may lose or repeat a message
with which another process updates the summary in the same instant, so it is for repair alone.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from pymongo import UpdateOne

from conversations.models import SIDES, UNSEEN, EmbeddedMessage, Message, Room, SideFields
from conversations.storage.changes import CHANGED, messages_changed
from identity import Role
from persistence.fields import object_in, text_in
from persistence.mongodb import Document, durable
from persistence.timestamps import stored_time

_NOTHING_NEW: Document = {fields.user: 0 for fields in SIDES.values()}
_EMBEDDED_COLUMNS = [str(field.column) for field in EmbeddedMessage._meta.concrete_fields]


def update_room_summaries(new: Iterable[tuple[Document, Role | None]]) -> None:
    """Add newly stored messages to the summaries of their rooms, many rooms a statement.

    The newest becomes the last message also when two processes write at once: `$max` compares embedded messages by
    (created_at, _id), which is why these fields come first in them. A last message that a side deleted is absent, and
    anything is greater than that.

    Args:
        new: Documents of messages, each with its receiver's side (`None`: both).

    Raises:
        PyMongoError: It is unknown which rooms were updated, for the driver does not repeat such a statement. Then
            `rebuild_room_summary`.
    """
    news: dict[str, Document] = {}
    for stored, receiver in new:
        of_room = news.setdefault(stored["room_id"], {**_NOTHING_NEW, "last": stored})
        for side in Role if receiver is None else (receiver,):
            of_room[SIDES[side].user] += 1
        of_room["last"] = max(of_room["last"], stored, key=lambda message: (message["created_at"], message["_id"]))
    for part in _parts(news):
        durable(Room).update_many(
            {"_id": {"$in": list(part)}},
            _ADD_NEWS,
            let={"rooms": {"$literal": list(part)}, "news": {"$literal": list(part.values())}},
        )


def _of_side(fields: SideFields) -> Document:
    """The fields of one side that change: none, if the side has deleted the room since the newest was written."""
    unseen, last = fields.unseen_messages, fields.last_message
    return {
        "$cond": [
            {"$lt": [f"${fields.deleted_at}", "$$new.last.created_at"]},  # also where it never has
            {
                unseen: {"$add": [_if_count(f"${unseen}"), f"$$new.{fields.user}"]},
                last: {"$max": [_if_object(f"${last}"), "$$new.last"]},
            },
            {},
        ]
    }


def _if_count(field: str) -> Document:
    """A counter; 0 where there is none, or what is none: a negative one, not a number, infinity, a text.

    One range separates them: MongoDB orders values of all types, numbers between `null` and texts.
    """
    return {"$cond": [{"$and": [{"$gte": [field, 0]}, {"$lt": [field, _MOST]}]}, field, 0]}


def _if_object(field: str) -> Document:
    """An object; null where there is none, or something else, which might be greater than any object."""
    return {"$cond": [{"$eq": [{"$type": field}, "object"]}, field, None]}


_MOST = 2**31
_ADD_NEWS: list[Document] = [
    {
        "$replaceWith": {
            "$let": {
                "vars": {"new": {"$arrayElemAt": ["$$news", {"$indexOfArray": ["$$rooms", "$_id"]}]}},
                "in": {
                    "$mergeObjects": [
                        "$$ROOT",
                        *map(_of_side, SIDES.values()),
                        {"updated_at": {"$max": ["$updated_at", "$$new.last.created_at"]}},
                    ]
                },
            }
        }
    }
]
_LARGEST_PART = 2_000_000
"""Characters of content in one statement: at most 8 of the 16 MB that MongoDB takes."""
_ROOMS_IN_PART = 50
"""Rooms in one statement: each of them is looked for in the whole list, but the journal is waited for once a statement.
Of 100 rooms at once, by 50 and by 25 the middle was quickest."""


def _parts(news: dict[str, Document]) -> Iterator[dict[str, Document]]:
    part: dict[str, Document] = {}
    size = 0
    for room_id, of_room in news.items():
        of_room["last"] = _embedded(of_room["last"])
        size += len(of_room["last"]["content"])
        if part and (size > _LARGEST_PART or len(part) == _ROOMS_IN_PART):
            yield part
            part, size = {}, len(of_room["last"]["content"])
        part[room_id] = of_room
    if part:
        yield part


def _embedded(stored: Document) -> Document:
    """A message's document as its room embeds it, its fields in the order that `$max` relies on."""
    return {column: stored[column] for column in _EMBEDDED_COLUMNS if column in stored}


def update_last_messages(messages: Collection[tuple[str, str]], change: Mapping[str, Mapping[str, Any]]) -> None:
    """Change the copies of changed messages that their rooms embed as last messages, and note the change in the rooms.

    Args:
        messages: The id of the room and of the message, of each message.
        change: An update of a message: operators, with fields and values.
    """
    updates = [
        UpdateOne(
            {"_id": room_id, f"{fields.last_message}._id": message_id},
            {
                operator: {f"{fields.last_message}.{field}": value for field, value in values.items()}
                for operator, values in change.items()
            },
        )
        for room_id, message_id in messages
        for fields in SIDES.values()
    ]
    if updates:
        durable(Room).bulk_write([*updates, *messages_changed(room_id for room_id, _ in messages)], ordered=False)


def rebuild_room_summary(room: Document, messages: list[Document]) -> None:
    """Make a room's summary agree with its stored messages.

    The unseen counters are counted anew. What lies before a side's deletion stays hidden from that side.

    Args:
        room: The room's document.
        messages: Stored messages of the room. The newest becomes the last message, unless a newer one is.
    """
    newest = max(messages, key=age)
    counters: dict[str, int] = {}
    last: dict[str, Any] = {}
    for fields in SIDES.values():
        deleted_at = stored_time(room.get(fields.deleted_at))
        unseen: Document = {"room_id": room["_id"], "to": text_in(room, fields.user), "is_seen": UNSEEN}
        if deleted_at is not None:
            unseen["created_at"] = {"$gt": deleted_at}
        counters[fields.unseen_messages] = durable(Message).count_documents(unseen)
        if _is_shown(newest, deleted_at):
            last[fields.last_message] = _embedded(newest)
    durable(Room).update_one({"_id": room["_id"]}, {"$set": counters, **({"$max": last} if last else {}), **CHANGED})


def is_behind(room: Document, message: Document) -> bool:
    """Whether a side of a room that should have a message as its last one has an earlier one or none."""
    return any(
        _is_shown(message, stored_time(room.get(fields.deleted_at)))
        and age(object_in(room, fields.last_message)) < age(message)
        for fields in SIDES.values()
    )


def age(message: Document) -> tuple[float, str]:
    """The place of a message in the order (created_at, _id); a message without a time is the oldest."""
    created_at = stored_time(message.get("created_at"))
    return (created_at.timestamp() if created_at else 0.0, text_in(message, "_id"))


def _is_shown(message: Document, deleted_at: datetime.datetime | None) -> bool:
    created_at = stored_time(message.get("created_at"))
    return deleted_at is None or (created_at is not None and created_at > deleted_at)
