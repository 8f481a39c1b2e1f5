"""What users are told of decisions, where a setting says so, and to whom it belongs; and what staff hear of queues."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from django.conf import LazySettings
from django.utils import timezone

from conversations import services as chat_services
from identity import Role
from moderation import announcements, services
from moderation.models import FilterAction, MessageFilter, Outcome
from moderation.payloads import NewReport
from moderation.staff import Staff
from socketio_bridge import Outgoing
from tests.conversations.conftest import Emitted, person
from tests.moderation.conftest import Store, message, refusal

Told = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What went out of moderation: event, room, payload as it travels."""
    recorded: Told = []

    async def emit(event: Outgoing[None], *, to: Sequence[str], namespace: str, volatile: bool = False) -> None:
        [payload] = event.arguments
        recorded.append((event.name, to[0], msgspec.json.decode(msgspec.json.encode(payload))))

    monkeypatch.setattr(announcements, "emit", emit)
    return recorded


@pytest.fixture
def notices(settings: LazySettings) -> None:
    settings.CONVERSATIONS = {**settings.CONVERSATIONS, "MODERATION_NOTICES": ("report_closed", "restriction")}


def of_users(told: Told) -> Told:
    return [each for each in told if each[0] != "queue_changed"]


async def _decide(mai: Staff, reason: Any = "fraud") -> str:
    report = await services.report(
        person("7", Role.BUYER), NewReport(target_type="user", target_id="9", reason=reason, text="wants money")
    )
    await services.take(mai, str(report.pk))
    measures = services.Measures(mute=services.Term(timezone.now() + datetime.timedelta(hours=1)), told="No payments")
    await services.take_measures(mai, str(report.pk), measures, "for colleagues alone")
    await services.resolve(mai, str(report.pk), [Outcome.MUTED], "for colleagues alone")
    return str(report.pk)


async def test_nobody_is_told_by_default(chat: Emitted, room: str, mai: Staff, told: Told) -> None:
    await _decide(mai)
    assert of_users(told) == []


async def test_the_reporter_and_the_reported_are_told_their_part(
    chat: Emitted, room: str, mai: Staff, told: Told, notices: None
) -> None:
    report_id = await _decide(mai)
    (_, muted, restriction), (_, reporter, closing) = of_users(told)
    assert (muted, reporter) == ("9", "7")
    assert (restriction["kind"], restriction["reason"], restriction["lifted_at"]) == ("mute", "No payments", None)
    assert restriction["ends_at"] > restriction["starts_at"]
    assert closing["_id"] == report_id
    assert closing["action_taken"] is True
    assert "colleagues" not in str(of_users(told)), "the staff's own reason is for staff"
    await services.lift(mai, restriction["_id"], "sorry")
    event, to, lifted = of_users(told)[-1]
    assert (event, to, lifted["_id"]) == ("restriction", "9", restriction["_id"])
    assert lifted["lifted_at"] is not None


async def test_a_dismissed_report_and_one_of_a_filter(
    chat: Emitted, database: Store, room: str, mai: Staff, told: Told, notices: None
) -> None:
    words = MessageFilter(name="rude", kind="words", patterns="moron", action=FilterAction.FLAG)
    await services.save_filter(mai, words)
    sent = await chat_services.send_message(person("9", Role.SELLER), message("moron", **{"from": "9", "to": "7"}))
    await services.report(
        person("7", Role.BUYER), NewReport(target_type="message", target_id=sent.id, reason="harassment")
    )
    taken = await services.take_next(mai)
    assert taken is not None
    closed = await services.dismiss(mai, str(taken.pk))
    assert len(closed) == 2
    assert [(event, to, payload["action_taken"]) for event, to, payload in of_users(told)] == [
        ("report_closed", "7", False)
    ]


async def test_staff_hear_of_their_queues(chat: Emitted, database: Store, room: str, mai: Staff, told: Told) -> None:
    words = MessageFilter(name="pay", kind="words", patterns="bank transfer", action=FilterAction.HOLD)
    await services.save_filter(mai, words)
    for _ in range(2):  # of a message sent twice the second is not new
        sending = chat_services.send_message(person("7", Role.BUYER), message("bank transfer", client_message_id="c1"))
        assert await refusal(sending) == "held_for_review"
    held = database.moderation_heldmessage.find_one({})
    assert held is not None
    await services.drop_held(mai, str(held["_id"]))
    report = await services.report(
        person("7", Role.BUYER), NewReport(target_type="room", target_id="7.9", reason="other")
    )
    await services.report(person("7", Role.BUYER), NewReport(target_type="room", target_id="7.9", reason="other"))
    await services.take_next(mai)
    await services.return_to_queue(mai, str(report.pk))
    await services.take(mai, str(report.pk))
    await services.dismiss(mai, str(report.pk))
    heard = [
        (payload["queue"], payload["change"], payload["by"]) for name, _, payload in told if name == "queue_changed"
    ]
    assert heard == [
        ("held", "new", ""), ("held", "closed", "mai"), ("reports", "new", ""), ("reports", "taken", "mai"),
        ("reports", "returned", "mai"), ("reports", "taken", "mai"), ("reports", "closed", "mai"),
    ]  # fmt: skip
    assert {to for _, to, _ in told} == {announcements.QUEUES}
