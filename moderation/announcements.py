"""The events of moderation: to staff, that a queue has changed; to users, what became of their reports and of them.

An event is announced when it is stored, never before, and an act that is stored does not fail because it could not be
announced.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from conversations.configuration import ChatSettings
from moderation.configuration import NoticeSettings
from moderation.models import Report, ReportState, Restriction, RestrictionKind
from moderation.payloads import QueueChange, ReportClosing, RestrictionNotice
from socketio_bridge import Outgoing, emit, outgoing_event

logger = logging.getLogger(__name__)

QUEUES: Final = "moderation queues"
"""The Socket.IO room of staff whose page shows a queue. No conversation has an id with a space in it."""


@outgoing_event("queue_changed")
def queue_changed(change: QueueChange) -> None:
    """Reports or held messages came, were taken, returned or decided; to staff whose page shows a queue."""


@outgoing_event("report_closed")
def report_closed(closing: ReportClosing) -> None:
    """Staff have closed a report; to all devices of the user who made it. Only if MODERATION_NOTICES names it."""


@outgoing_event("restriction")
def restriction(notice: RestrictionNotice) -> None:
    """A user is muted or banned, or no longer; to all devices of that user. Only if MODERATION_NOTICES names it."""


NOTICES: Final = (report_closed, restriction)
"""What users may be told."""


async def announce_queue(change: QueueChange) -> None:
    """Send `queue_changed` to the pages of staff."""
    # volatile: a page that was away loads its queue anew
    await _emit(queue_changed(change), QUEUES, ChatSettings.current().STAFF_NAMESPACE, volatile=True)


async def announce_closing(reports: Iterable[Report]) -> None:
    """Send `report_closed` to the users who made these reports, if the settings say so."""
    if report_closed.name not in NoticeSettings.current().MODERATION_NOTICES:
        return
    for report in reports:
        if report.reason != "filter" and report.state in (ReportState.RESOLVED, ReportState.DISMISSED):
            await _emit_to_user(report_closed(ReportClosing.of(report)), report.reporter)


async def announce_restriction(stored: Restriction) -> None:
    """Send `restriction` to the user whom it is about, if the settings say so. Slow mode is a room's: of it none."""
    told = NoticeSettings.current().MODERATION_NOTICES
    if restriction.name in told and stored.kind in (RestrictionKind.MUTE, RestrictionKind.BAN):
        await _emit_to_user(restriction(RestrictionNotice.of(stored)), stored.user_id)


async def _emit_to_user(event: Outgoing[None], user_id: str) -> None:
    await _emit(event, user_id, ChatSettings.current().MESSENGER_NAMESPACE)


async def _emit(event: Outgoing[None], room: str, namespace: str, *, volatile: bool = False) -> None:
    try:
        await emit(event, to=[room], namespace=namespace, volatile=volatile)
    except Exception:  # the channel layer is away, from a process without sockets
        logger.warning("%s could not be announced", event.name, exc_info=True)
