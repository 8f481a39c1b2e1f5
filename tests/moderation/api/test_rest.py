"""Moderation as apps meet it over REST: reporting, and what is refused with which status."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.services import REDACTED
from moderation import services
from moderation.models import MessageFilter
from moderation.rules.cache import rules_cache
from moderation.staff import Staff
from tests.conversations.api.conftest import App
from tests.moderation.conftest import Store

MESSAGE = {"room_id": "7.9", "to": "9", "type": "TEXT", "content": "hello"}


async def in_force() -> None:
    """As when half a second has passed."""
    await rules_cache().refresh(just_now=True)


async def test_a_report_waits_for_staff(database: Store, room: str, buyer_app: App, stranger_app: App) -> None:
    report = {"target_type": "room", "target_id": room, "reason": "fraud", "text": "He wants money in advance"}
    answer = await buyer_app.post("/reports", report)
    assert answer.status == 200
    assert answer.body["status"] is True
    assert answer.body["report"].items() >= report.items()
    assert (await buyer_app.post("/reports", report)).body == answer.body
    assert database.moderation_report.count_documents({}) == 1
    refused = await stranger_app.post("/reports/", report)
    assert (refused.status, refused.body["code"]) == (404, "target_not_found")
    for wrong in (
        {},
        {**report, "reason": "because"},
        {**report, "target_type": "shop"},
        {**report, "text": "x" * 3000},
    ):
        refused = await buyer_app.post("/reports", wrong)
        assert (refused.status, refused.body["code"]) == (400, "validation_failed")


async def test_who_is_banned_gets_nothing(room: str, mai: Staff, buyer_app: App, seller_app: App) -> None:
    banned = await services.ban(mai, "7", "fraud")
    await in_force()
    for method, path in (("GET", "/rooms"), ("GET", f"/rooms/{room}"), ("POST", "/messages"), ("POST", "/reports")):
        refused = await buyer_app.call(method, path, None if method == "GET" else MESSAGE)
        assert (refused.status, refused.body["code"]) == (403, "banned")
    assert (await seller_app.get("/rooms")).status == 200
    await services.lift(mai, str(banned.pk), "appeal")
    await in_force()
    assert (await buyer_app.get("/rooms")).status == 200


async def test_who_is_muted_reads_but_neither_writes_nor_edits(room: str, mai: Staff, buyer_app: App) -> None:
    sent = (await buyer_app.post("/messages", MESSAGE)).body
    await services.mute(mai, "7", "insults")
    await in_force()
    assert (await buyer_app.get("/messages", room_id=room)).status == 200
    for refused in (
        await buyer_app.post("/messages", MESSAGE),
        await buyer_app.put(f"/messages/{sent['_id']}", {"content": "worse"}),
    ):
        assert (refused.status, refused.body["code"]) == (403, "muted")


async def test_slow_mode_says_how_long_to_wait_and_does_not_count_edits(
    room: str,
    mai: Staff,
    buyer_app: App,
) -> None:
    await services.slow_down(mai, room, 60, "a quarrel")
    await in_force()
    sent = (await buyer_app.post("/messages", MESSAGE)).body
    refused = await buyer_app.post("/messages", MESSAGE)
    assert (refused.status, refused.body["code"]) == (429, "slow_mode")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (await buyer_app.put(f"/messages/{sent['_id']}", {"content": "hello!"})).status == 200


@pytest.mark.parametrize(
    ("action", "of_new", "of_edit"),
    [
        ("refuse", (403, "message_refused"), (403, "message_refused")),
        ("hold", (403, "held_for_review"), (403, "message_refused")),
        ("flag", (200, None), (200, None)),
    ],
)
async def test_filters_see_new_and_edited_messages(
    database: Store,
    room: str,
    mai: Staff,
    buyer_app: App,
    action: str,
    of_new: Any,
    of_edit: Any,
) -> None:
    sent = (await buyer_app.post("/messages", MESSAGE)).body
    await services.save_filter(mai, MessageFilter(name="w", kind="words", patterns="scam", action=action))
    await in_force()
    new = await buyer_app.post("/messages", {**MESSAGE, "content": "a scam"})
    edited = await buyer_app.put(f"/messages/{sent['_id']}", {"content": "a scam"})
    assert (new.status, new.body.get("code")) == of_new
    assert (edited.status, edited.body.get("code")) == of_edit
    assert database.moderation_filterhit.count_documents({}) == 2
    assert database.moderation_report.count_documents({}) == (2 if action == "flag" else 0)


async def test_a_redacted_message_is_shown_as_such_and_edited_no_more(
    room: str,
    mai: Staff,
    buyer_app: App,
    seller_app: App,
) -> None:
    sent = (await buyer_app.post("/messages", MESSAGE)).body
    redacted = await services.redact_message(mai, sent["_id"], "rude")
    for app in (buyer_app, seller_app):
        shown = (await app.get("/messages", room_id=room)).body["data"][0]
        side = "buyer" if app is buyer_app else "seller"
        last = (await app.get("/rooms")).body["rooms"][0][f"{side}_last_message"]
        for each in (shown, last):
            assert (each["content"], each["redacted_at"]) == (REDACTED, redacted.redacted_at)
    refused = await buyer_app.put(f"/messages/{sent['_id']}", {"content": "hello again"})
    assert (refused.status, refused.body["code"]) == (403, "message_redacted")


async def test_a_closed_room_says_since_when(room: str, mai: Staff, buyer_app: App) -> None:
    assert (await buyer_app.get(f"/rooms/{room}")).body["room"]["closed_at"] is None
    await services.close_room(mai, room, "a quarrel")
    assert (await buyer_app.get(f"/rooms/{room}")).body["room"]["closed_at"].endswith("Z")
    refused = await buyer_app.post("/messages", MESSAGE)
    assert (refused.status, refused.body["code"]) == (403, "room_closed")
