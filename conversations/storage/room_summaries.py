"""What messages do to their rooms: the last message of both sides, and the receiver's unseen counter.

Two ways to the same end. `account` adds messages known to be new: one cheap update a room for any number of them.
`recount` asks the messages themselves, for when it is unknown whether an `account` took place; it may lose or
repeat a message that another process accounts in the same instant, so it is for repair only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import Q
from pymongo import UpdateOne

from conversations.models import EmbeddedMessage, Message, Room
from identity import Role
from persistence.mongodb import Document, document, durable

NOT_SEEN = Q(is_seen=False) | Q(is_seen__isnull=True)
"""Selects messages not seen; old ones may lack the field."""

_EMBEDDED_COLUMNS = [str(field.column) for field in EmbeddedMessage._meta.concrete_fields]


def account(new: Iterable[tuple[Document, Role | None]]) -> None:
    """Account newly stored messages, each with its receiver's side (`None`: both), in their rooms: many a statement.

    The newest becomes the last message also when two processes write at once: `$max` compares embedded messages by
    (created_at, _id), which is why these fields come first in them. A last message that a side deleted is absent, and
    anything is greater than that. Where this fails it is unknown which rooms were told, for the driver does not repeat
    such a statement: then `recount`.
    """
    news: dict[str, Document] = {}
    for stored, receiver in new:
        of_room = news.setdefault(stored["room_id"], {"buyer": 0, "seller": 0, "last": stored})
        for side in Role if receiver is None else (receiver,):
            of_room[side.lower()] += 1
        of_room["last"] = max(of_room["last"], stored, key=lambda message: (message["created_at"], message["_id"]))
    for part in _parts(news):
        durable(Room).update_many(
            {"_id": {"$in": list(part)}},
            _TELL_ROOM,
            let={"rooms": {"$literal": list(part)}, "news": {"$literal": list(part.values())}},
        )


def _of_side(side: str) -> Document:
    """What becomes of one side: nothing, if it has deleted what was said so far since the newest was written."""
    unseen, last = f"{side}_unseen_messages", f"{side}_last_message"
    return {
        "$cond": [
            {"$lt": [f"${side}_deleted_at", "$$new.last.created_at"]},  # also where it never has
            {
                unseen: {"$add": [_if_count(f"${unseen}"), f"$$new.{side}"]},
                last: {"$max": [_if_object(f"${last}"), "$$new.last"]},
            },
            {},
        ]
    }


def _if_count(field: str) -> Document:
    """A counter; 0 where there is none, or what is none: a negative one, not a number, infinity, a text.

    One range tells them apart: MongoDB orders values of all types, numbers between `null` and texts.
    """
    return {"$cond": [{"$and": [{"$gte": [field, 0]}, {"$lt": [field, _MOST]}]}, field, 0]}


def _if_object(field: str) -> Document:
    """An object; null where there is none, or something else, which might be greater than any object."""
    return {"$cond": [{"$eq": [{"$type": field}, "object"]}, field, None]}


_MOST = 2**31
_TELL_ROOM: list[Document] = [
    {
        "$replaceWith": {
            "$let": {
                "vars": {"new": {"$arrayElemAt": ["$$news", {"$indexOfArray": ["$$rooms", "$_id"]}]}},
                "in": {
                    "$mergeObjects": [
                        "$$ROOT",
                        _of_side("buyer"),
                        _of_side("seller"),
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
        of_room["last"] = embedded(of_room["last"])
        size += len(of_room["last"]["content"])
        if part and (size > _LARGEST_PART or len(part) == _ROOMS_IN_PART):
            yield part
            part, size = {}, len(of_room["last"]["content"])
        part[room_id] = of_room
    if part:
        yield part


def embedded(stored: Document) -> Document:
    """A message's document as its room embeds it, its fields in the order that `$max` relies on."""
    return {column: stored[column] for column in _EMBEDDED_COLUMNS if column in stored}


def follow(messages: Iterable[tuple[str, str]], change: Mapping[str, Mapping[str, Any]]) -> None:
    """Change messages, each given by its room's id and its own, where they are the last ones of their rooms, too.

    `change` is an update of a message: operators, with fields and values.
    """
    updates = [
        UpdateOne(
            {"_id": room_id, f"{last}._id": message_id},
            {
                operator: {f"{last}.{field}": value for field, value in fields.items()}
                for operator, fields in change.items()
            },
        )
        for room_id, message_id in messages
        for last in ("buyer_last_message", "seller_last_message")
    ]
    if updates:
        durable(Room).bulk_write(updates, ordered=False)


def recount(room_id: str, messages: list[Message]) -> None:
    """Make a room agree with its stored messages: unseen counters counted anew, the newest of `messages` its last.

    What lies before a side's deletion stays hidden from that side. No such room: nothing to do.
    """
    room = Room.objects.filter(pk=room_id).first()
    if room is None:
        return
    newest = max(messages, key=_age)
    counters: dict[str, int] = {}
    last: dict[str, Any] = {}
    for side, user, deleted_at in _sides(room):
        unseen = Message.objects.filter(NOT_SEEN, room_id=room_id, recipient=user)
        if deleted_at is not None:
            unseen = unseen.filter(created_at__gt=deleted_at)
        counters[f"{side.lower()}_unseen_messages"] = unseen.count()
        if deleted_at is None or (newest.created_at is not None and newest.created_at > deleted_at):
            last[f"{side.lower()}_last_message"] = embedded(document(newest))
    durable(Room).update_one({"_id": room_id}, {"$set": counters, "$max": last} if last else {"$set": counters})


def is_behind(room: Room, message: Message) -> bool:
    """Whether a room has not heard of a message: a side that should have it as its last has an earlier one or none."""
    return any(
        (deleted_at is None or message.created_at > deleted_at)
        and ((last := getattr(room, f"{side.lower()}_last_message")) is None or _age(last) < _age(message))
        for side, _, deleted_at in _sides(room)
    )


def _age(message: Message | EmbeddedMessage) -> tuple[float, str]:
    return (message.created_at.timestamp() if message.created_at else 0.0, message.message_id or "")


def _sides(room: Room) -> list[tuple[Role, str, Any]]:
    return [(Role.BUYER, room.buyer, room.buyer_deleted_at), (Role.SELLER, room.seller, room.seller_deleted_at)]
