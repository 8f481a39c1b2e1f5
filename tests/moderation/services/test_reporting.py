"""Users report: who may report what, and that it is reported once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from conversations import services as chat_services
from identity import Identity, Role
from moderation import services
from moderation.models import Outcome, Report, ReportState
from moderation.payloads import NewReport, ReportPayload
from moderation.services import reports as reporting
from moderation.services.queues import queues_of_staff
from moderation.staff import Staff
from persistence.mongodb import in_store_thread
from tests.conversations.conftest import Emitted, person
from tests.moderation.conftest import Store, message, refusal


def new_report(kind: str, target: str, **fields: str) -> NewReport:
    return msgspec.convert({"target_type": kind, "target_id": target, "reason": "spam", **fields}, NewReport)


async def test_a_message_of_the_other_side_may_be_reported(
    chat: Emitted, room: str, buyer: Identity, seller: Identity
) -> None:
    sent = await chat_services.send_message(buyer, message())
    report = await services.report(seller, new_report("message", sent.id, text="Again and again"))
    assert (report.state, report.reporter, report.text) == (ReportState.OPEN, "9", "Again and again")
    assert (report.room_id, report.user_id) == (room, "7")
    assert msgspec.to_builtins(ReportPayload.of(report)).keys() == {
        "_id", "target_type", "target_id", "reason", "text", "created_at",
    }  # fmt: skip


async def test_the_room_and_the_other_user_may_be_reported(chat: Emitted, room: str, buyer: Identity) -> None:
    about_room = await services.report(buyer, new_report("room", room))
    about_user = await services.report(buyer, new_report("user", "9"))
    assert (about_room.user_id, about_user.room_id) == ("9", room)
    assert about_room.pk != about_user.pk


async def test_what_is_in_none_of_ones_rooms_is_not_found(
    chat: Emitted, database: Store, room: str, buyer: Identity
) -> None:
    """Whether it exists is not told."""
    database.cz_rooms.insert_one({"_id": "8.9", "buyer": "8", "seller": "9"})
    stranger = person("8", Role.BUYER)
    sent = await chat_services.send_message(buyer, message())
    for kind, target in (("message", sent.id), ("message", "nothing"), ("room", room), ("room", "1.2"), ("user", "7")):
        assert await refusal(services.report(stranger, new_report(kind, target))) == "target_not_found"
    assert not await Report.objects.aexists()


async def test_nobody_reports_what_is_their_own(chat: Emitted, room: str, buyer: Identity) -> None:
    sent = await chat_services.send_message(buyer, message())
    assert await refusal(services.report(buyer, new_report("message", sent.id))) == "validation_failed"


async def test_of_one_reporter_and_target_one_report_is_unfinished_at_a_time(
    chat: Emitted, room: str, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    at_once = await asyncio.gather(*(services.report(buyer, new_report("user", "9")) for _ in range(8)))
    assert len({report.pk for report in at_once}) == 1
    assert await Report.objects.acount() == 1
    await services.report(seller, new_report("room", room))
    assert await Report.objects.acount() == 2
    taken = await services.take(mai, str(at_once[0].pk))
    assert (await services.report(buyer, new_report("user", "9"))).pk == taken.pk
    await services.resolve(mai, str(taken.pk), [Outcome.WARNED])
    assert (await services.report(buyer, new_report("user", "9"))).pk != taken.pk


async def test_a_user_cannot_fill_the_queue(
    chat: Emitted, database: Store, buyer: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "MOST_UNFINISHED", 3)
    database.cz_rooms.insert_many([{"_id": f"7.{n}", "buyer": "7", "seller": str(n)} for n in range(20, 24)])
    for number in range(20, 23):
        await services.report(buyer, new_report("user", str(number)))
    assert await refusal(services.report(buyer, new_report("user", "23"))) == "rate_limited"
    await services.report(buyer, new_report("user", "22"))  # which waits already


@pytest.mark.parametrize(
    "bad",
    [
        {"target_type": "shop"},
        {"reason": "because"},
        {"reason": "filter"},
        {"target_id": ""},
        {"target_id": "x" * 600},
        {"text": "x" * 2001},
        {"text": "\ud83d"},
        {"target_id": None},
    ],
)
def test_a_report_has_a_target_and_a_reason_from_the_list(bad: dict[str, object]) -> None:
    good = {"target_type": "user", "target_id": 9, "reason": "spam"}
    assert msgspec.convert(good, NewReport).target_id == "9"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**good, **bad}, NewReport)


async def test_what_waits_for_staff_is_counted(
    chat: Emitted, room: str, buyer: Identity, seller: Identity, mai: Staff
) -> None:
    assert await in_store_thread(queues_of_staff) == (0, 0.0, 0)
    first = await services.report(buyer, new_report("user", "9"))
    await services.report(seller, new_report("room", room))
    await Report.objects.filter(pk=first.pk).aupdate(created_at=timezone.now() - timedelta(hours=3))
    waiting = await in_store_thread(queues_of_staff)
    assert (waiting.open_reports, waiting.held_messages) == (2, 0)
    assert 3 * 3600 <= waiting.oldest_report < 3 * 3600 + 60
    await services.take(mai, str(first.pk))
    assert (await in_store_thread(queues_of_staff)).oldest_report < 60
