"""What the rows of the queue show: what was said, by whom, how many report it, and what came before."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from conversations.models import Room
from moderation.admin.worklists.contents import Content, Names, content_of, messages_by_id
from moderation.models import Report, TargetKind


def look_up(reports: list[Any]) -> None:
    """Set the attributes that the template of a row shows, with a few queries for all rows.

    Args:
        reports: The reports; each gets `content`, `name` and `reporter_name`.
    """
    names = Names(report.room_id for report in reports)
    said = messages_by_id(report.target_id for report in reports if report.target_kind == TargetKind.MESSAGE)
    for report in reports:
        report.name = names.of(report.room_id, report.user_id)
        report.reporter_name = names.of(report.room_id, report.reporter)
        if report.target_kind == TargetKind.MESSAGE:
            report.content = content_of(said.get(report.target_id))
        else:
            report.content = _of_room(report, names.rooms.get(report.room_id))


def _of_room(report: Report, room: Room | None) -> Content:
    """What was said last in the room of a report that is about no message."""
    what = _("The user") if report.target_kind == TargetKind.USER else _("The room")
    last = None if room is None else room.buyer_last_message or room.seller_last_message
    if last is None or last.redacted_at is not None or last.type == "IMAGE":
        return Content(note=what)
    return Content(note=_("%(what)s. Said last:") % {"what": what}, text=last.content or "")
