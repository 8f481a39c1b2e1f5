"""All that is known of a user in one order: what was said about them, what staff did, what filters hit."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from moderation.admin.links import report_url, room_url
from moderation.models import FilterHit, HeldMessage, Note, Report, Restriction

MOST = 40


class Happening(NamedTuple):
    """One thing: when it was, what it was, and its page; `url` is empty where it has none."""

    at: datetime.datetime
    kind: str
    text: str
    url: str = ""


def timeline(context: dict[str, Any], user_id: str) -> list[Happening]:
    """Merge what the page of a user has read anyway, the latest first.

    Args:
        context: The page's context; a list that the viewer may not see is not in it.
        user_id: The user.
    """
    happenings = [each for each in _all(context, user_id) if each.at is not None]
    return sorted(happenings, key=lambda each: each.at, reverse=True)[:MOST]


def _all(context: dict[str, Any], user_id: str) -> Iterator[Happening]:
    for each in context.get("restrictions", []):
        yield from _restriction(each)
    for report in context.get("reports_on", []):
        yield Happening(report.created_at, _("Reported"), _reported(report), report_url(report))
        if report.closed_at is not None:
            yield Happening(report.closed_at, report.get_state_display(), _reported(report), report_url(report))
    for report in context.get("reports_by", []):
        yield Happening(report.created_at, _("Reported somebody"), _reported(report), report_url(report))
    for note in context.get("notes_", []):
        yield _note(note)
    for held in context.get("held", []):
        yield _held(held)
    for hit in context.get("hits", []):
        yield _hit(hit)


def _restriction(restriction: Restriction) -> Iterator[Happening]:
    kind = restriction.get_kind_display()
    yield Happening(restriction.created_at, kind, f"{restriction.created_by}: {restriction.reason}")
    if restriction.lifted_at is not None:
        yield Happening(restriction.lifted_at, _("Lifted"), f"{restriction.lifted_by}: {kind}")


def _reported(report: Report) -> str:
    reason = report.get_reason_display()
    return f"{reason}: {report.text}" if report.text else str(reason)


def _note(note: Note) -> Happening:
    return Happening(note.written_at, _("Note"), f"{note.written_by}: {note.text}")


def _held(held: HeldMessage) -> Happening:
    url = reverse("admin:moderation_heldmessage_change", args=[held.pk])
    return Happening(held.held_at, _("Held"), held.content or _("Redacted"), url)


def _hit(hit: FilterHit) -> Happening:
    text = f"{hit.filter_name}: {hit.text}" if hit.text else hit.filter_name
    return Happening(hit.at, _("Filter"), text, room_url(hit.room_id, hit.message_id))
