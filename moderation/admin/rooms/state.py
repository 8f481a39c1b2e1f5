"""What stands beside a conversation: its sides, what holds in it, and what staff did and noted there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, prefetch_related_objects
from django.http import HttpRequest
from django.utils import timezone

from conversations.models import Room
from identity import Role
from moderation.admin.rooms.transcript import name_of
from moderation.models import AuditRecord, FilterHit, HeldMessage, HeldState, Note, Report, Restriction, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.permissions import may
from persistence.mongodb import Document, durable

AnyModel = TypeVar("AnyModel", bound=Model)

MOST = 15
"""Rows of each kind; the lists of the admin have the others."""
_VIEW_RESTRICTION = "moderation.view_restriction"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: who it is, and what they may not do."""

    role: str
    user_id: str
    name: str
    unseen: int
    has_deleted: bool
    restrictions: list[Restriction]


def state_of(room: Room, request: HttpRequest) -> dict[str, Any]:
    """For the template `room/state.html`; what who asks may not see is left out."""
    state: dict[str, Any] = {
        "room": room,
        "sides": [_side(room, role, shown=may(request, _VIEW_RESTRICTION)) for role in Role],
    }
    if may(request, _VIEW_RESTRICTION):
        state["room_restrictions"] = _in_force(room_id=room.pk)
    if may(request, "moderation.view_report"):
        state["reports"] = _latest(Report, {"room_id": room.pk}, {"state": {"$in": UNFINISHED}}, "created_at")
        prefetch_related_objects(state["reports"], "assignee")
    if may(request, "moderation.view_heldmessage"):
        state["held"] = _latest(HeldMessage, {"room_id": room.pk}, {"state": HeldState.HELD}, "held_at")
    if may(request, "moderation.view_filterhit"):
        refused = {"message_id": "", "text": {"$gt": ""}}  # of others, the text stands where they are
        state["hits"] = _latest(FilterHit, {"room_id": room.pk}, refused, "at")
    if may(request, "moderation.view_note"):
        notes = Note.objects.filter(target_kind=TargetKind.ROOM, target_id=room.pk)
        state["room_notes"] = list(notes.order_by("-written_at")[:MOST])
    if may(request, "moderation.view_auditrecord"):
        state["records"] = list(AuditRecord.objects.filter(room_id=room.pk).order_by("-at")[:MOST])
    return state


def _side(room: Room, role: Role, *, shown: bool) -> Side:
    user_id = room.buyer if role is Role.BUYER else room.seller
    return Side(
        role=role.lower(),
        user_id=user_id,
        name=name_of(room, role),
        unseen=getattr(room, f"{role.lower()}_unseen_messages"),
        has_deleted=getattr(room, f"deleted_by_{role.lower()}"),
        restrictions=_in_force(user_id=user_id) if shown and user_id else [],
    )


def _in_force(**subject: str) -> list[Restriction]:
    holds = {"lifted_at": None, "$or": [{"ends_at": None}, {"ends_at": {"$gt": timezone.now()}}]}
    return _latest(Restriction, subject, holds, "created_at")


def _latest(model: type[AnyModel], indexed: Document, condition: Document, time: str) -> list[AnyModel]:
    """The latest of a room or of a user. The first stage is what an index finds."""
    stages: list[Document] = [{"$match": indexed}, {"$match": condition}, {"$sort": {time: -1}}, {"$limit": MOST}]
    found = [each["_id"] for each in durable(model).aggregate([*stages, {"$project": {"_id": 1}}])]
    return list(model._default_manager.filter(pk__in=found).order_by(f"-{time}")) if found else []
