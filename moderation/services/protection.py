"""What neither retention nor erasing takes: what open reports are about, and what staff hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils import timezone

from moderation.models import LegalHold, Report, TargetKind
from moderation.models.reports import UNFINISHED
from persistence.mongodb import Document, durable


@dataclass(slots=True)
class Protected:
    """What is kept of one room: all of it, what some users wrote, some messages."""

    everything: bool = False
    users: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.everything or bool(self.users) or bool(self.messages)

    def others(self) -> Document:
        """The condition for messages that are not kept, where not everything is."""
        condition: Document = {}
        if self.users:
            condition["from"] = {"$nin": sorted(self.users)}
        if self.messages:
            condition["_id"] = {"$nin": sorted(self.messages)}
        return condition

    def covers(self, user_id: str) -> bool:
        """Whether all that a user wrote in the room is kept."""
        return self.everything or user_id in self.users


def protected_in(room_id: str) -> Protected:
    """What is kept of a room now; for the store's threads, as the others."""
    protected = Protected()
    reports = durable(Report).find(
        {"room_id": room_id, "state": {"$in": list(UNFINISHED)}}, ["target_kind", "target_id"]
    )
    holds = durable(LegalHold).find(_active({"room_id": room_id}), ["target_kind", "target_id"])
    for each in (*reports, *holds, *_holds_on_users()):
        match each["target_kind"]:
            case TargetKind.ROOM:
                protected.everything = True
            case TargetKind.USER:
                protected.users.add(each["target_id"])
            case _:
                protected.messages.add(each["target_id"])
    return protected


def held_users() -> set[str]:
    """Those of whom staff hold all that they wrote."""
    return {hold["target_id"] for hold in _holds_on_users()}


def held_rooms() -> list[str]:
    """Those that staff hold whole."""
    return [
        hold["target_id"] for hold in durable(LegalHold).find(_active({"target_kind": TargetKind.ROOM}), ["target_id"])
    ]


def _holds_on_users() -> list[Document]:
    return list(durable(LegalHold).find(_active({"target_kind": TargetKind.USER}), ["target_kind", "target_id"]))


def _active(condition: Document) -> Document:
    return {**condition, "ends_at": {"$gt": timezone.now()}, "lifted_at": None}
