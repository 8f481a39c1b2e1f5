"""Evidence in the admin: messages as they were when reported, revisions, and images that users no longer see."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, re_path, reverse
from django.views.decorators.http import require_GET

from conversations.images.files import read_image
from conversations.models import Message, Upload
from moderation.admin.reports.acts import has_just_redacted_picture, just_redacted
from moderation.admin.worklists.contents import Names
from moderation.models import Evidence, Report, Revision, TargetKind
from moderation.staff import may

_ORIGINALS = "moderation.view_redactedoriginal"
MOST_REVISIONS = 50
_HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(slots=True)
class Said:
    """A message as it was when it was reported.

    Attributes:
        fate: What happened to it since, such as "edited since".
        is_hidden: Whether the viewer may not see its content.
    """

    message_id: str
    sender: str
    type: str
    content: str
    picture_url: str
    at: datetime.datetime | None
    is_target: bool
    fate: str
    is_hidden: bool
    name: str = ""


@dataclass(slots=True)
class AsReported:
    """The evidence of a report, for viewers with the permission."""

    kept_at: datetime.datetime
    lines: list[Said]
    buyer_info: dict[str, Any]
    revisions: list[Revision] = field(default_factory=list)
    hides_revisions: bool = False


def as_reported(report: Report, request: HttpRequest) -> AsReported | None:
    """Read the evidence of a report.

    The content of a message that was redacted since is hidden from viewers who may not read originals, but not from who
    has just redacted it while working on the report.

    Returns:
        The evidence; None: there is none, or the viewer may not see it.
    """
    evidence = Evidence.objects.filter(pk=str(report.pk)).first() if may(request, "moderation.view_evidence") else None
    if evidence is None:
        return None
    kept: list[dict[str, Any]] = evidence.said.get("messages") or []
    now = {message.pk: message for message in Message.objects.filter(pk__in=[str(each.get("_id")) for each in kept])}
    sees_all, mine = may(request, _ORIGINALS), just_redacted(request, report)
    seen = "" if mine is None else mine.message_id
    names = Names([report.room_id])
    target = report.target_id if report.target_kind == TargetKind.MESSAGE else ""
    shown = AsReported(
        kept_at=evidence.kept_at,
        lines=[
            _said(each, now.get(str(each.get("_id"))), target, sees_all=sees_all or str(each.get("_id")) == seen)
            for each in kept
        ],
        buyer_info=evidence.said.get("buyer_info") or {},
    )
    for line in shown.lines:
        line.name = names.of(report.room_id, line.sender)
    if target and may(request, "moderation.view_revision"):
        is_redacted = target in now and now[target].redacted_at is not None
        shown.hides_revisions = is_redacted and not sees_all and target != seen
        if not shown.hides_revisions:
            shown.revisions = list(Revision.objects.filter(message_id=target).order_by("replaced_at")[:MOST_REVISIONS])
    return shown


def picture_urls() -> list[URLPattern]:
    """The address of a picture, by its upload's key."""
    shown = site.admin_view(picture)
    return [re_path(r"^pictures/(?P<key>\d{4}/\d{2}/[0-9a-f]{32})$", shown, name="moderation_picture")]


def picture_url(key: str) -> str:
    """The address at which staff see an image."""
    return reverse("admin:moderation_picture", args=[key])


@require_GET
def picture(request: HttpRequest, key: str) -> HttpResponse:
    """Serve an image: with `view_evidence`, a redacted one with `view_redactedoriginal` or to who just redacted it."""
    upload = Upload.objects.filter(pk=key).first()
    withheld = "" if upload is None else upload.withheld
    allowed = may(request, _ORIGINALS if withheld else "moderation.view_evidence")
    if not allowed and not (withheld and has_just_redacted_picture(request, key)):
        raise PermissionDenied
    found = read_image(withheld or key)
    if found is None:
        raise Http404("There is no such picture, or it was deleted.")
    content, content_type = found
    return HttpResponse(content, content_type, headers=_HEADERS)


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
