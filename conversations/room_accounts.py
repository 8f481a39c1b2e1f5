"""What messages do to their rooms: the last message of both sides, and the receiver's unseen counter.

Two ways to the same end. ``account`` adds messages known to be new: one cheap update a room for any number of them.
``recount`` asks the messages themselves, for when it is unknown whether an ``account`` took place; it may lose or
repeat a message that another process accounts in the same instant, so it is for repair only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from pymongo import UpdateOne

from chozoi_chat.identity import Role
from conversations.models import EmbeddedMessage, Message, Room
from conversations.store import Document, document, durable

NOT_SEEN = Q(is_seen=False) | Q(is_seen__isnull=True)
"""Selects messages not seen; old ones may lack the field."""

_EMBEDDED_COLUMNS = [str(field.column) for field in EmbeddedMessage._meta.concrete_fields]


def account(new: Iterable[tuple[Document, Role]]) -> None:
    """Account newly stored messages, each with its receiver's side, in their rooms.

    The newest becomes the last message also when two processes write at once: ``$max`` compares embedded messages by
    (created_at, _id), which is why these fields come first in them. A last message that a side deleted is absent, and
    anything is greater than that.
    """
    by_room: defaultdict[str, list[tuple[Document, Role]]] = defaultdict(list)
    for stored, receiver in new:
        by_room[stored["room_id"]].append((stored, receiver))
    if by_room:
        durable(Room).bulk_write([_account_in(room, messages) for room, messages in by_room.items()], ordered=False)


def _account_in(room_id: str, messages: list[tuple[Document, Role]]) -> UpdateOne:
    newest = max((stored for stored, _ in messages), key=lambda stored: (stored["created_at"], stored["_id"]))
    last = embedded(newest)
    unseen: defaultdict[str, int] = defaultdict(int)
    for _, receiver in messages:
        unseen[f"{receiver.lower()}_unseen_messages"] += 1
    return UpdateOne(
        {"_id": room_id},
        {
            "$inc": dict(unseen),
            "$max": {"buyer_last_message": last, "seller_last_message": last, "updated_at": newest["created_at"]},
        },
    )


def embedded(stored: Document) -> Document:
    """A message's document as its room embeds it, its fields in the order that ``$max`` relies on."""
    return {column: stored[column] for column in _EMBEDDED_COLUMNS if column in stored}


def recount(room_id: str, messages: list[Message]) -> None:
    """Make a room agree with its stored messages: unseen counters counted anew, the newest of ``messages`` its last.

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
    return (message.created_at.timestamp() if message.created_at else 0.0, message.message_id)


def _sides(room: Room) -> list[tuple[Role, str, Any]]:
    return [(Role.BUYER, room.buyer, room.buyer_deleted_at), (Role.SELLER, room.seller, room.seller_deleted_at)]
