"""The pages of the admin find what they show by an index, and ask as many questions about much as about little."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from moderation.admin.changelists import windows
from moderation.admin.rooms import page as room_state
from moderation.admin.rooms import transcript
from moderation.admin.rooms import transcript as excerpts
from moderation.models import AuditRecord
from tests.conversations.api.test_plans import Recorded, examined, plan
from tests.moderation.admin.changelists.test_lists import pipeline_of
from tests.moderation.admin.conftest import held, hit, noted, reported, restricted
from tests.moderation.conftest import Store


def trace(number: int) -> None:
    """One more of everything about user 9 and room 7.9."""
    reported(f"m{number % 12:02}", by=f"r{number}", minutes_ago=number)
    restricted("9"), restricted("", room_id="7.9", kind="slow_mode", interval=5)
    held(), noted(), noted(target_kind="room", target_id="7.9")
    hit(), hit(user_id="9", message_id=f"m{number % 12:02}")
    AuditRecord.objects.create(
        at=timezone.now(), staff_name="mai", act="user.muted", target_kind="user", target_id="9", user_id="9",
        room_id="7.9",
    )  # fmt: skip


@pytest.fixture
def pages(seven_and_nine: Store) -> dict[str, str]:
    """The address of each page that shows more than one list."""
    seven_and_nine.cz_rooms.insert_many([{"_id": f"{n}.8", "buyer": str(n), "seller": "8"} for n in range(60)])
    seven_and_nine.cz_messages.insert_many(
        [{"_id": f"n{n}", "room_id": f"{n}.8", "from": str(n), "to": "8", "content": "x"} for n in range(60)]
    )
    trace(1)
    return {
        "index": reverse("admin:index"),
        "room": reverse("admin:conversations_room_change", args=["7.9"]),
        "message": reverse("admin:conversations_message_change", args=["m05"]),
        "report": reverse("admin:moderation_report_change", args=[reported(by="8").pk]),
        "report of a room": reverse(
            "admin:moderation_report_change", args=[reported("7.9", by="8", target_kind="room").pk]
        ),
        "held message": reverse("admin:moderation_heldmessage_change", args=[held().pk]),
        "person": reverse("admin:moderation_person", args=["9"]),
    }


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked of the store past the ORM."""
    commands: list[dict[str, Any]] = []
    for module in (transcript, room_state):
        durable: Any = module.durable
        monkeypatch.setattr(module, "durable", lambda model, durable=durable: Recorded(durable(model), commands))
    monkeypatch.setattr(windows, "clock", lambda: 0.0)  # however busy the machine is, windows grow
    return commands


def asked(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return [each["sql"] for each in captured.captured_queries]


def test_what_a_page_shows_is_found_by_an_index(
    lead: Client, pages: dict[str, str], commands: list[dict[str, Any]], database: Store
) -> None:
    for name, url in pages.items():
        texts = [text for text in asked(lead, url) if text.startswith(("db.cz_", "db.moderation_"))]
        assert texts or name == "index"
        commands += [{"aggregate": text.split(".")[1], "pipeline": pipeline_of(text), "cursor": {}} for text in texts]
        assert [command for command in commands if "COLLSCAN" in plan(database, command)] == [], name
        commands.clear()


def test_a_page_asks_no_more_the_more_there_is(lead: Client, pages: dict[str, str]) -> None:
    few = {name: len(asked(lead, url)) for name, url in pages.items()}
    for number in range(2, 12):
        trace(number)
    assert {name: len(asked(lead, url)) for name, url in pages.items()} == few


def test_an_excerpt_around_a_message_without_a_time_or_of_a_room_that_is_gone(database: Store) -> None:
    """Very old messages have none, and come before all others, by their ids."""
    at = timezone.now()
    database.cz_messages.insert_many(
        [
            {"_id": f"m{n}", "room_id": "7.9", "from": "7", "content": "x", **({"created_at": at} if n > 4 else {})}
            for n in range(9)
        ]
    )  # fmt: skip
    for target in ("m3", "m4", "m5"):
        shown = excerpts.excerpt_around(target)
        assert shown is not None
        assert [line.message.pk for line in shown.lines] == [f"m{n}" for n in range(9)]


def test_an_excerpt_is_found_by_an_index_and_reads_few_more_messages_than_it_shows(
    database: Store, commands: list[dict[str, Any]]
) -> None:
    at = timezone.now()
    database.cz_messages.insert_many(
        [
            {
                "_id": f"m{n:04}", "room_id": "7.9", "from": "7", "to": "9", "content": "x",
                "created_at": at - datetime.timedelta(minutes=30 * n),
            }
            for n in range(1000)
        ]
    )  # fmt: skip
    shown = excerpts.excerpt_around("m0500")
    assert shown is not None
    assert [line.message.pk for line in shown.lines] == [f"m{n:04}" for n in range(505, 494, -1)]
    latest = excerpts.latest_of("7.9")
    assert [line.message.pk for line in latest.lines] == [f"m{n:04}" for n in range(9, -1, -1)]
    assert [command for command in commands if "IXSCAN" not in plan(database, command)] == []
    assert sum(examined(database, command) for command in commands) < 6 * (len(shown.lines) + len(latest.lines))
