"""Measures: what staff do because of a report, several at once. Each is an act with an audit record of its own."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from typing import NamedTuple

from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from moderation.errors import Code
from moderation.models import Outcome, Report, RestrictionKind, TargetKind
from moderation.services.redaction import redact_message
from moderation.services.restrictions import ban, is_restricted, mute
from moderation.services.review import require_mine, resolve, take
from moderation.services.rooms import close_room
from moderation.staff import Staff
from persistence.mongodb import in_store_thread


class Term(NamedTuple):
    """How long a restriction lasts: until an instant; None: until it is lifted."""

    until: datetime.datetime | None


class Measures(NamedTuple):
    """What to do. A term of None: not that.

    Attributes:
        redact: The reported message.
        mute: The reported user.
        ban: The reported user.
        close_room: The room that the report is about.
        told: The reason of a mute or a ban as the user is told it.
    """

    redact: bool = False
    mute: Term | None = None
    ban: Term | None = None
    close_room: bool = False
    told: str = ""

    def outcomes(self) -> list[Outcome]:
        """What a report is resolved with after these."""
        done = {
            Outcome.REDACTED: self.redact,
            Outcome.MUTED: self.mute is not None,
            Outcome.BANNED: self.ban is not None,
            Outcome.ROOM_CLOSED: self.close_room,
        }
        return [outcome for outcome, is_done in done.items() if is_done]


async def take_measures(staff: Staff, report_id: str, measures: Measures, reason: str) -> Report:
    """Take measures because of a report, which stays in review.

    What is done already, as by a colleague in the room or because of another report, is passed over. Of a refusal the
    measures before it stand.

    Args:
        staff: Who takes them; the report is in this person's review.
        report_id: The report's key.
        measures: Which ones.
        reason: Why, for the audit of each.

    Returns:
        The report.

    Raises:
        RuleViolation: `validation_failed`: there is no reason; the report is about no message that could be redacted,
            no user, or no room. `report_not_found`. `report_not_yours`. `report_closed`. `message_not_found`.
    """
    report = await in_store_thread(require_mine, staff, report_id)
    _require_targets(report, measures)
    if measures.redact:
        with _unless(Code.ALREADY_REDACTED):
            await redact_message(staff, report.target_id, reason)
    mute_for, ban_for = measures.mute, measures.ban
    if mute_for and not await is_restricted(report.user_id, RestrictionKind.MUTE, mute_for.until):
        await mute(staff, report.user_id, reason, until=mute_for.until, told=measures.told)
    if ban_for and not await is_restricted(report.user_id, RestrictionKind.BAN, ban_for.until):
        await ban(staff, report.user_id, reason, until=ban_for.until, told=measures.told)
    if measures.close_room:
        with _unless(Code.ALREADY_CLOSED):
            await close_room(staff, report.room_id, reason)
    return report


async def decide(staff: Staff, report_id: str, measures: Measures, reason: str) -> list[Report]:
    """Take a report, take measures, and resolve it, with the others on its target.

    Args:
        staff: Who decides.
        report_id: The report's key.
        measures: Which ones; at least one.
        reason: Why, for the audit of each, and the note of the report.

    Returns:
        All the reports that were closed, the oldest first.

    Raises:
        RuleViolation: As `take`, `take_measures` and `resolve`.
    """
    await take(staff, report_id)
    await take_measures(staff, report_id, measures, reason)
    return await resolve(staff, report_id, measures.outcomes(), reason)


def _require_targets(report: Report, measures: Measures) -> None:
    wrong = ""
    if measures.redact and report.target_kind != TargetKind.MESSAGE:
        wrong = f"report {report.pk} is about no message: there is nothing to redact"
    elif (measures.mute is not None or measures.ban is not None) and not report.user_id:
        wrong = f"report {report.pk} is about no user: there is nobody to restrict"
    elif measures.close_room and not report.room_id:
        wrong = f"report {report.pk} is about no room: there is none to close"
    if wrong:
        raise RuleViolation(ChatCode.VALIDATION_FAILED, wrong)


@contextlib.contextmanager
def _unless(code: Code) -> Iterator[None]:
    try:
        yield
    except RuleViolation as refusal:
        if refusal.code != code:
            raise
