"""How urgent a report is follows what is stored: reporters, restrictions, and reports that were upheld."""

from __future__ import annotations

import datetime

import pytest

from identity import Role
from moderation import services
from moderation.models import Outcome, Report
from moderation.payloads import NewReport
from moderation.priority import HEAD_START, Level, level_of, priority_of, urgent_at
from moderation.services.weighing import weigh_target
from moderation.staff import Staff
from persistence.mongodb import in_store_thread
from tests.conversations.conftest import Emitted, person
from tests.moderation.admin.conftest import reported
from tests.moderation.conftest import Store


@pytest.mark.parametrize(
    ("reason", "reporters", "past", "priority"),
    [
        ("other", 1, 0, 1),
        ("spam", 1, 0, 2),
        ("fraud", 1, 0, 4),
        ("fraud", 3, 2, 24),
        ("hate", 99, 99, 160),
        ("?", 0, 0, 1),
    ],
)
def test_a_priority_is_severity_times_reporters_times_past(
    reason: str, reporters: int, past: int, priority: int
) -> None:
    assert priority_of(reason, reporters, past) == priority


def test_a_doubled_priority_is_worth_some_waiting() -> None:
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert urgent_at(at, 1) == at
    assert urgent_at(at, 8) == at - 3 * HEAD_START
    assert [level_of(priority) for priority in (1, 3, 4, 15, 16)] == [
        *[Level.LOW] * 2,
        *[Level.MEDIUM] * 2,
        Level.HIGH,
    ]


def weight(report: Report) -> tuple[int, int, int]:
    found = Report.objects.get(pk=report.pk)
    return found.reporters, found.past, found.priority


async def test_those_who_report_the_same_make_each_report_more_urgent(
    chat: Emitted, database: Store, room: str
) -> None:
    new = NewReport(target_type="user", target_id="9", reason="spam")
    first = await services.report(person("7", Role.BUYER), new)
    assert weight(first) == (1, 0, 2)
    await in_store_thread(lambda: reported("9", target_kind="user", by="8"))
    await in_store_thread(weigh_target, first)
    assert weight(first) == (2, 0, 4)


async def test_what_was_found_against_a_user_counts_for_what_waits(
    chat: Emitted, database: Store, room: str, mai: Staff
) -> None:
    waits, upheld = reported("m1", by="7"), reported("m2", by="8")
    await services.mute(mai, "9", "rude")
    assert weight(waits) == (1, 1, 8)
    await services.take(mai, str(upheld.pk))
    await services.resolve(mai, str(upheld.pk), [Outcome.WARNED])
    assert weight(waits) == (1, 2, 8)
    late = reported("m3", by="8")
    await services.take(mai, str(late.pk))
    await services.dismiss(mai, str(late.pk))
    assert weight(waits) == (1, 2, 8), "what was dismissed says nothing"
    await services.reopen(mai, str(upheld.pk), "too hard")
    assert weight(waits) == (1, 1, 8)
