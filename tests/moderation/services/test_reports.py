"""Staff work on reports: no two of them on the same, and everybody knows who."""

from __future__ import annotations

import asyncio
import datetime

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from moderation import services
from moderation.models import Outcome, Report, ReportState, TargetKind
from moderation.services import audit
from moderation.staff import Staff
from persistence import mongodb as store
from tests.moderation.conftest import Store, acts, refusal


def stored(target: str = "9", reporter: str = "7", minutes_ago: int = 0) -> Report:
    return Report.objects.create(
        target_kind=TargetKind.USER,
        target_id=target,
        user_id=target,
        reporter=reporter,
        reason="spam",
        created_at=timezone.now() - datetime.timedelta(minutes=minutes_ago),
        open_key=f"{reporter} {target}",
    )


def state(report: Report) -> tuple[str, str | None]:
    found = Report.objects.get(pk=report.pk)
    return found.state, found.assignee or None


async def test_the_next_report_is_the_oldest_open_one(database: Store, mai: Staff, tuan: Staff) -> None:
    newer, older = stored("9", minutes_ago=1), stored("10", minutes_ago=5)
    first, second = await services.take_next(mai), await services.take_next(tuan)
    assert first is not None and second is not None
    assert (first.pk, second.pk) == (older.pk, newer.pk)
    assert state(older) == ("in_review", "mai")
    assert first.taken_at is not None
    assert await services.take_next(mai) is None
    assert acts(database) == ["report.taken", "report.taken"]


async def test_of_many_who_take_the_next_at_once_no_two_get_the_same(database: Store) -> None:
    for number in range(12):
        stored(str(number), minutes_ago=number)
    staff = [Staff.of(User.objects.create_user(f"staff{number}")) for number in range(12)]
    taken = await asyncio.gather(*(services.take_next(each) for each in staff))
    assert len({report.pk for report in taken if report is not None}) == 12


async def test_reports_on_one_target_go_to_one_of_the_staff(database: Store, mai: Staff, tuan: Staff) -> None:
    first, second, other = stored(reporter="1", minutes_ago=9), stored(reporter="2"), stored("10", minutes_ago=1)
    await services.take_next(mai)
    assert state(second) == ("in_review", "mai")
    late = stored(reporter="3", minutes_ago=5)
    taken = await services.take_next(tuan)
    assert taken is not None and taken.pk == other.pk
    assert state(late) == ("in_review", "mai")
    assert await refusal(services.take(tuan, str(first.pk))) == "report_not_yours"


async def test_two_who_take_two_reports_on_one_target_at_once_find_one_holder(
    database: Store, mai: Staff, tuan: Staff
) -> None:
    """Each has claimed one before either looks around: both give way to who was first."""
    first, second = stored(reporter="1", minutes_ago=2), stored(reporter="2", minutes_ago=1)
    now = timezone.now()
    for report, staff, seconds in ((first, tuan, 1), (second, mai, 0)):
        claim = {"state": "in_review", "assignee_id": staff.staff_id, "assignee_name": staff.name}
        taken_at = now + datetime.timedelta(seconds=seconds)
        database.moderation_report.update_one({"_id": report.pk}, {"$set": {**claim, "taken_at": taken_at}})
    assert await refusal(services.take(tuan, str(first.pk))) == "report_not_yours"
    assert state(first) == state(second) == ("in_review", "mai")
    assert (await services.take(mai, str(second.pk))).pk == second.pk
    assert state(first) == state(second) == ("in_review", "mai")


async def test_a_certain_report_is_taken_unless_a_colleague_has_it(database: Store, mai: Staff, tuan: Staff) -> None:
    report = stored()
    assert (await services.take(mai, str(report.pk))).pk == report.pk
    assert (await services.take(mai, str(report.pk))).pk == report.pk
    assert await refusal(services.take(tuan, str(report.pk))) == "report_not_yours"
    await services.return_to_queue(tuan, str(report.pk))
    assert state(report) == ("open", None)
    await services.return_to_queue(tuan, str(report.pk))
    await services.take(tuan, str(report.pk))
    assert state(report) == ("in_review", "tuan")
    assert acts(database) == ["report.taken", "report.taken", "report.put_back", "report.taken"]


async def test_a_report_whose_assignee_left_is_free(database: Store, mai: Staff, tuan: Staff) -> None:
    report = stored()
    await services.take(mai, str(report.pk))
    await User.objects.filter(username="mai").adelete()
    assert state(report) == ("in_review", None)
    await services.take(tuan, str(report.pk))
    assert state(report) == ("in_review", "tuan")


async def test_what_an_account_that_is_gone_had_in_review_is_the_next_one(
    database: Store, mai: Staff, tuan: Staff
) -> None:
    report, other = stored(), stored("10")
    await services.take(mai, str(report.pk))
    await User.objects.filter(username="mai").adelete()
    taken = [await services.take_next(tuan) for _ in range(3)]
    assert [each and each.pk for each in taken] == [report.pk, other.pk, None]
    assert state(report) == state(other) == ("in_review", "tuan")


async def test_resolving_closes_all_reports_on_the_target(database: Store, mai: Staff, tuan: Staff) -> None:
    first, second, other = stored(reporter="1", minutes_ago=9), stored(reporter="2"), stored("10")
    await services.take_next(mai)
    closed = await services.resolve(mai, str(first.pk), [Outcome.MUTED], "third time")
    assert [report.pk for report in closed] == [first.pk, second.pk]
    assert {(report.state, report.outcome, report.note) for report in closed} == {("resolved", "muted", "third time")}
    assert all(report.closed_at and report.open_key is None for report in closed)
    assert state(other) == ("open", None)
    record = database.moderation_auditrecord.find_one({"act": "report.resolved"})
    assert record is not None
    assert record["after"] == {"state": "resolved", "outcomes": ["muted"], "reports": [str(first.pk), str(second.pk)]}
    assert (record["reason"], record["staff_name"], record["user_id"]) == ("third time", "mai", "9")


async def test_only_who_has_a_report_closes_it_and_once(database: Store, mai: Staff, tuan: Staff) -> None:
    report = stored()
    assert await refusal(services.dismiss(mai, str(report.pk))) == "report_not_yours"
    await services.take(mai, str(report.pk))
    assert await refusal(services.dismiss(tuan, str(report.pk))) == "report_not_yours"
    answers = await asyncio.gather(*(services.dismiss(mai, str(report.pk)) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, list) for answer in answers) == 1
    assert state(report)[0] == ReportState.DISMISSED
    assert acts(database).count("report.dismissed") == 1
    for step in (services.dismiss, services.take, services.return_to_queue):
        assert await refusal(step(mai, str(report.pk))) == "report_closed"


@pytest.mark.parametrize("report_id", ["", "nothing", "0123456789abcdef01234567"])
async def test_a_report_that_there_is_none_of(mai: Staff, report_id: str) -> None:
    assert await refusal(services.take(mai, report_id)) == "report_not_found"


async def test_a_reopened_report_is_in_review_with_those_that_were_closed_with_it(
    database: Store, mai: Staff, tuan: Staff
) -> None:
    first, second, before = stored(reporter="1"), stored(reporter="2"), stored("10")
    assert await refusal(services.reopen(tuan, str(first.pk), "look again")) == "report_not_closed"
    for report in (before, first):
        await services.take(mai, str(report.pk))
        await services.resolve(mai, str(report.pk), [Outcome.MUTED], "rude")
    assert await refusal(services.reopen(tuan, str(first.pk), " ")) == "validation_failed"
    await services.reopen(tuan, str(first.pk), "look again")
    assert state(first) == state(second) == ("in_review", "tuan")
    assert state(before)[0] == "resolved"
    again = Report.objects.get(pk=first.pk)
    assert (again.outcome, again.outcomes, again.note, again.closed_at) == ("", [], "", None)
    record = database.moderation_auditrecord.find_one({"act": "report.reopened"})
    assert record is not None
    assert record["before"]["outcomes"] == ["muted"]
    assert record["reason"] == "look again"


@pytest.mark.parametrize("has_transactions", [True, False])
async def test_a_report_is_not_reopened_beside_a_colleague_who_works_on_its_target(
    database: Store, mai: Staff, tuan: Staff, has_transactions: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_transactions:
        for module in (store, audit):
            monkeypatch.setattr(module, "has_transactions", lambda: False)
    closed = stored(reporter="1")
    await services.take(mai, str(closed.pk))
    await services.dismiss(mai, str(closed.pk))
    fresh = stored(reporter="2")
    await services.take(tuan, str(fresh.pk))
    assert await refusal(services.reopen(mai, str(closed.pk), "again")) == "report_not_yours"
    assert state(fresh) == ("in_review", "tuan")
    assert state(closed)[0] == "dismissed"
