"""What was said when something was reported, beside what is said now; and before edits."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest

from conversations.models import Message
from moderation.admin.pages.pictures import picture_url
from moderation.models import Evidence, Report, Revision, TargetKind
from moderation.permissions import may

_ORIGINALS = "moderation.view_redactedoriginal"
MOST_REVISIONS = 50


@dataclass(slots=True)
class Said:
    """A message as it was when it was reported. `fate`: what became of it since; `is_hidden`: not for who looks."""

    message_id: str
    sender: str
    type: str
    content: str
    picture_url: str
    at: datetime.datetime | None
    is_target: bool
    fate: str
    is_hidden: bool


@dataclass(slots=True)
class AsReported:
    """What a report has kept, for whoever may see it."""

    kept_at: datetime.datetime
    lines: list[Said]
    buyer_info: dict[str, Any]
    revisions: list[Revision] = field(default_factory=list)
    hides_revisions: bool = False


def as_reported(report: Report, request: HttpRequest) -> AsReported | None:
    """What a report has kept; `None`: nothing, or it is not for who looks.

    What a message said that is redacted by now is for those who may read originals.
    """
    evidence = Evidence.objects.filter(pk=str(report.pk)).first() if may(request, "moderation.view_evidence") else None
    if evidence is None:
        return None
    kept: list[dict[str, Any]] = evidence.said.get("messages") or []
    now = {message.pk: message for message in Message.objects.filter(pk__in=[str(each.get("_id")) for each in kept])}
    sees_all = may(request, _ORIGINALS)
    target = report.target_id if report.target_kind == TargetKind.MESSAGE else ""
    shown = AsReported(
        kept_at=evidence.kept_at,
        lines=[_said(each, now.get(str(each.get("_id"))), target, sees_all=sees_all) for each in kept],
        buyer_info=evidence.said.get("buyer_info") or {},
    )
    if target and may(request, "moderation.view_revision"):
        is_redacted = target in now and now[target].redacted_at is not None
        shown.hides_revisions = is_redacted and not sees_all
        if not shown.hides_revisions:
            shown.revisions = list(Revision.objects.filter(message_id=target).order_by("replaced_at")[:MOST_REVISIONS])
    return shown


def _said(kept: dict[str, Any], now: Message | None, target: str, *, sees_all: bool) -> Said:
    content = str(kept.get("content") or "")
    if kept.get("erased"):
        fate = "erased since"
    elif now is None:
        fate = "deleted since"
    elif now.redacted_at is not None:
        fate = "redacted when it was reported" if kept.get("redacted_at") else "redacted since"
    else:
        fate = "" if now.content == content else "edited since"
    return Said(
        message_id=str(kept.get("_id")),
        sender=str(kept.get("from") or ""),
        type=str(kept.get("type") or "TEXT"),
        content=content,
        picture_url=picture_url(str(kept["image"])) if kept.get("image") else "",
        at=_instant(kept.get("created_at")),
        is_target=str(kept.get("_id")) == target,
        fate=fate,
        is_hidden=fate == "redacted since" and not sees_all,
    )


def _instant(text: object) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
