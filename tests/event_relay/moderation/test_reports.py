"""Reports: each is told when it is opened, and when it is closed, by itself or with others on its target."""

from __future__ import annotations

import asyncio

import pytest

from conversations import services as chat_services
from identity import Identity
from moderation import services
from moderation.models import Outcome, ReportReason, TargetKind
from moderation.payloads import NewReport
from moderation.services.reports import About, file_report
from moderation.staff import Staff
from tests.conversations.conftest import Emitted
from tests.event_relay.moderation.conftest import Told
from tests.moderation.conftest import message

pytestmark = pytest.mark.slow


async def test_each_report_is_told_when_it_is_opened_and_when_it_is_closed(
    chat: Emitted, room: str, buyer: Identity, seller: Identity, told: Told, mai: Staff, tuan: Staff
) -> None:
    sent = await chat_services.send_message(buyer, message("an insult"))
    reported = await services.report(seller, NewReport(target_type="message", target_id=sent.id, reason="harassment"))
    await services.report(seller, NewReport(target_type="message", target_id=sent.id, reason="spam"))
    flagged, _is_new = await asyncio.to_thread(
        file_report, "insults", TargetKind.MESSAGE, sent.id, About(room, "7"), ReportReason.FILTER, "insults: insult"
    )
    about_room = await services.report(
        buyer, NewReport(target_type="room", target_id=room, reason="other", text="their words")
    )
    await services.take(mai, str(reported.pk))
    await services.return_to_queue(mai, str(reported.pk))
    await services.take(tuan, str(reported.pk))
    await services.resolve(tuan, str(reported.pk), [Outcome.REDACTED], "rude")
    await services.take(mai, str(about_room.pk))
    await services.dismiss(mai, str(about_room.pk), "nothing")
    _, *opened, resolved, also_resolved, dismissed = await told(
        room, "message.created", *["report.opened"] * 3, *["report.resolved"] * 2, "report.dismissed"
    )
    assert [event["subject"] for event in opened] == [str(each.pk) for each in (reported, flagged, about_room)]
    assert [event["data"]["reporter"] for event in opened] == ["9", None, "7"]
    assert {resolved["subject"], also_resolved["subject"]} == {str(reported.pk), str(flagged.pk)}
    assert dismissed["subject"] == str(about_room.pk)
    assert resolved["data"]["outcome"] == also_resolved["data"]["outcome"] == "redacted"
    assert dismissed["data"]["outcome"] is None
    assert resolved["time"] == resolved["data"].pop("closed_at")
    created_at = opened[0]["data"].pop("created_at")
    assert opened[0]["data"] == {
        "report_id": str(reported.pk),
        "target_kind": "message",
        "target_id": sent.id,
        "room_id": room,
        "user_id": "7",
        "reporter": "9",
        "reason": "harassment",
        "outcome": None,
        "closed_at": None,
    }
    assert opened[0]["time"] == created_at
