"""What stands beside a conversation: its sides, what holds in it, and what staff did and noted there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from chozoi_chat.identity import Role
from conversations.models import Room
from moderation.admin.transcript import name_of
from moderation.models import AuditRecord, FilterHit, HeldMessage, HeldState, Note, Report, Restriction, TargetKind
from moderation.models.reports import UNFINISHED
from moderation.permissions import may

MOST = 15
"""Rows of each kind; the lists of the admin have the others."""
_MOST_RESTRICTIONS = 50


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
        reports = Report.objects.filter(room_id=room.pk, state__in=UNFINISHED).prefetch_related("assignee")
        state["reports"] = list(reports.order_by("-created_at")[:MOST])
    if may(request, "moderation.view_heldmessage"):
        held = HeldMessage.objects.filter(room_id=room.pk, state=HeldState.HELD)
        state["held"] = list(held.order_by("-held_at")[:MOST])
    if may(request, "moderation.view_filterhit"):
        refused = FilterHit.objects.filter(room_id=room.pk, message_id="", text__gt="")  # others keep it elsewhere
        state["hits"] = list(refused.order_by("-at")[:MOST])
    if may(request, "moderation.view_note"):
        notes = Note.objects.filter(target_kind=TargetKind.ROOM, target_id=room.pk)
        state["room_notes"] = list(notes.order_by("-written_at")[:MOST])
    if may(request, "moderation.view_auditrecord"):
        state["records"] = list(AuditRecord.objects.filter(room_id=room.pk).order_by("-at")[:MOST])
    return state


_VIEW_RESTRICTION = "moderation.view_restriction"


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
    now = timezone.now()
    unlifted = Restriction.objects.filter(**subject, lifted_at__isnull=True).order_by("-created_at")
    return [restriction for restriction in unlifted[:_MOST_RESTRICTIONS] if restriction.is_active(now)]
