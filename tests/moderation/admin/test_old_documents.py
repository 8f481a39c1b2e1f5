"""Documents that lack what newer ones have, as the old service left them: their pages show what there is."""

from __future__ import annotations

import pytest
from django.test import Client

from moderation.admin.links import report_url, room_url
from moderation.models import Report
from tests.moderation.admin.conftest import held, reported
from tests.moderation.conftest import Store


@pytest.fixture
def bare(database: Store) -> Store:
    """A room and a message of which nothing but ids is known."""
    database.cz_rooms.insert_one({"_id": "1.2"})
    database.cz_messages.insert_one({"_id": "m1", "room_id": "1.2"})
    return database


def test_a_room_without_sides_and_a_message_without_a_sender(support: Client, bare: Store) -> None:
    url = room_url("1.2")
    for page in (url, url.replace("change/", "lines/"), url.replace("change/", "state/")):
        assert support.get(page).status_code == 200, page
    assert support.get("/admin/conversations/message/m1/change/").status_code == 200


def test_a_report_that_the_version_before_took_in_after_the_migration(support: Client, seven_and_nine: Store) -> None:
    known, late = reported("m07", reason="spam"), reported("m05", by="8")
    reports, key = seven_and_nine.moderation_report, {"_id": late.pk}
    new = ("reporters", "past", "priority", "level", "urgent_at", "outcomes")
    reports.update_one(key, {"$unset": dict.fromkeys(new, "")})
    assert support.get(report_url(late)).status_code == 200
    listed = support.get("/admin/moderation/report/").context["cl"].result_list
    assert [report.pk for report in listed] == [late.pk, known.pk]
    assert Report.objects.get(pk=late.pk).priority == 4
    reports.update_one(key, {"$set": {"state": "resolved", "outcome": "warned"}})
    assert "Resolved: warned" in support.get(report_url(late)).text


def test_what_names_no_room_and_no_user(support: Client, bare: Store) -> None:
    waiting, report = held(room_id="", sender="", recipient=""), reported("m1", by="", room_id="", user_id="")
    for page in (f"heldmessage/{waiting.pk}", f"report/{report.pk}"):
        assert support.get(f"/admin/moderation/{page}/change/").status_code == 200, page
