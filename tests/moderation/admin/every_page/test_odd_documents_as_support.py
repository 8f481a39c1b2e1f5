"""Every page on documents of other programs, as Support."""

from __future__ import annotations

from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from moderation.admin.links import room_url
from moderation.models import Report
from tests.moderation.admin.every_page.crawl import odd, open_all_as
from tests.moderation.conftest import Store


def test_no_page_fails_and_none_links_to_one_that_its_reader_may_not_open(database: Store, roles: None) -> None:
    odd(database)
    assert len(open_all_as("Support")) >= 50


def test_the_pages_of_odd_documents_open(support: Client, database: Store) -> None:
    odd(database)
    for document in database.cz_rooms.find({"_id": {"$type": "string"}}, ["_id"]):
        page = room_url(document["_id"])
        for each in (page, page.replace("change/", "state/")):
            assert support.get(each).status_code == 200, each
    for document in database.cz_messages.find({"_id": {"$type": "string"}}, ["_id"]):
        page = reverse("admin:conversations_message_change", args=[quote(document["_id"])])
        assert support.get(page).status_code == 200, page
    for report in Report.objects.filter(target_kind="message"):
        page = reverse("admin:moderation_report_change", args=[quote(report.pk)])
        assert support.get(page).status_code == 200, page
