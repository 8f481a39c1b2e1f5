"""Every page of moderation's admin, as each role: who sees it, and who does not."""

from __future__ import annotations

import datetime

import pytest
from django.test import Client
from django.urls import reverse

from moderation.models import AuditRecord, LegalHold
from tests.moderation.admin.conftest import filtered, held, hit, noted, reported, restricted
from tests.moderation.conftest import Store

LISTS = ("report", "restriction", "heldmessage", "filterhit", "note", "auditrecord", "legalhold")


@pytest.fixture
def pages(seven_and_nine: Store) -> dict[str, str]:
    """The address of one page of each kind."""
    report, restriction, message, message_filter = reported(), restricted(), held(), filtered()
    hit(), noted()
    hold = LegalHold.objects.create(
        target_kind="user",
        target_id="9",
        reason="a court",
        created_at=report.created_at,
        ends_at=report.created_at + datetime.timedelta(days=9),
    )
    record = AuditRecord.objects.create(
        at=report.created_at, staff_name="mai", act="user.muted", target_kind="user", target_id="9", user_id="9"
    )
    pages = {name: reverse(f"admin:moderation_{name}_changelist") for name in (*LISTS, "messagefilter")}
    acts = ("mute", "ban", "note", "redact_recent", "export", "erase")
    return pages | {
        "index": reverse("admin:index"),
        "people": reverse("admin:moderation_person_changelist"),
        "person": reverse("admin:moderation_person", args=["9"]),
        "a report": reverse("admin:moderation_report_change", args=[report.pk]),
        "a held message": reverse("admin:moderation_heldmessage_change", args=[message.pk]),
        "a record": reverse("admin:moderation_auditrecord_change", args=[record.pk]),
        "a filter": reverse("admin:moderation_messagefilter_change", args=[message_filter.pk]),
        "add a filter": reverse("admin:moderation_messagefilter_add"),
        "add a restriction": reverse("admin:moderation_restriction_add"),
        "add a hold": reverse("admin:moderation_legalhold_add"),
        "lift a hold": reverse("admin:moderation_legalhold_lift", args=[hold.pk]),
        "add a note": reverse("admin:moderation_note_add"),
        "lift": reverse("admin:moderation_restriction_lift", args=[restriction.pk]),
        "return": reverse("admin:moderation_report_return", args=[report.pk]),
        "release": reverse("admin:moderation_heldmessage_release", args=[message.pk]),
        "drop": reverse("admin:moderation_heldmessage_drop", args=[message.pk]),
        "staff accounts": reverse("admin:auth_user_changelist"),
        "roles": reverse("admin:auth_group_changelist"),
        **{act: reverse(f"admin:moderation_person_{act}", args=["9"]) for act in acts},
    }


OF_LEADS = {
    "messagefilter",
    "a filter",
    "add a filter",
    "add a hold",
    "lift a hold",
    "redact_recent",
    "export",
    "erase",
}
OF_SUPERUSERS = {"staff accounts", "roles"}


def seen(client: Client, pages: dict[str, str]) -> set[str]:
    """Those that answer; all others must refuse."""
    statuses = {name: client.get(url).status_code for name, url in pages.items()}
    assert set(statuses.values()) <= {200, 403}, statuses
    return {name for name, status in statuses.items() if status == 200}


def test_support_sees_all_but_what_is_for_leads(support: Client, pages: dict[str, str]) -> None:
    assert seen(support, pages) == pages.keys() - OF_LEADS - OF_SUPERUSERS


def test_a_lead_sees_all_but_accounts(lead: Client, pages: dict[str, str]) -> None:
    assert seen(lead, pages) == pages.keys() - OF_SUPERUSERS


def test_staff_without_a_role_see_an_empty_front_page(nobody: Client, pages: dict[str, str]) -> None:
    assert seen(nobody, pages) == {"index"}
    assert "Take the next one" not in nobody.get(pages["index"]).text


def test_others_are_sent_to_the_login(client: Client, pages: dict[str, str]) -> None:
    for name, url in pages.items():
        answer = client.get(url)
        assert (answer.status_code, "/admin/login/" in answer["Location"]) == (302, True), name


def test_every_page_says_in_which_zone_its_times_are(support: Client, pages: dict[str, str]) -> None:
    for name in ("index", "report", "person", "a report"):
        assert "Times are UTC, now " in support.get(pages[name]).text, name


def test_times_have_one_form_in_lists_and_on_pages(support: Client, pages: dict[str, str]) -> None:
    record = AuditRecord.objects.get()
    form = f"{record.at.day} {record.at:%b %Y, %H:%M}"
    for name in ("auditrecord", "a record", "person"):
        assert form in support.get(pages[name]).text, name


def test_a_record_is_headed_by_what_was_done(support: Client, pages: dict[str, str]) -> None:
    assert "User Muted by mai" in support.get(pages["a record"]).text


def test_who_cannot_go_on_is_shown_the_way_back(support: Client, pages: dict[str, str]) -> None:
    for url in (f"{pages['index']}conversations/room/nothing/change/", pages["erase"]):
        assert f'<a href="{pages["index"]}">Back to the overview</a>' in support.get(url).text


def test_nothing_leads_to_a_site_that_there_is_not(support: Client, pages: dict[str, str]) -> None:
    assert "View site" not in support.get(pages["index"]).text


def test_a_side_without_a_name_is_listed_by_its_id_once(support: Client, seven_and_nine: Store) -> None:
    seven_and_nine.cz_rooms.insert_one({"_id": "anybody.nobody", "buyer": "anybody", "seller": "nobody"})
    seven_and_nine.cz_rooms.update_one({"_id": "anybody.nobody"}, {"$set": {"buyer_info": {"name": "Ann"}}})
    listed = support.get("/admin/conversations/room/", {"q": "anybody"}).text
    assert (listed.count(">Ann</a>"), listed.count(">anybody<"), listed.count(">nobody<")) == (1, 1, 1)
