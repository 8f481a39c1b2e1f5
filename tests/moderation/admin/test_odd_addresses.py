"""Addresses that no page links to: they are answered, never with an error of the server's."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from moderation.models import AuditRecord
from tests.moderation.admin.conftest import held, hit, noted, reported, restricted
from tests.moderation.conftest import Store

LISTS = ("report", "restriction", "heldmessage", "filterhit", "note", "auditrecord")
FIRST_DAY, LAST_DAY = "-62135596800000~a", "253402300799999~a"


@pytest.mark.parametrize("place", ["0001-01-01T00:00:00+00:00~0", "0001-01-01T00:00:00+14:00~0",
                                   "9999-12-31T23:59:59.999999+00:00~0", "9999-12-31T23:59:59-14:00~0"])  # fmt: skip
def test_a_page_at_the_edge_of_the_calendar_is_the_first_one(support: Client, place: str) -> None:
    reported(), restricted(), held(), hit(), noted()
    for name in LISTS:
        assert support.get(f"/admin/moderation/{name}/?p={quote(place)}").status_code == 200, name


@pytest.mark.parametrize("place", [FIRST_DAY, LAST_DAY])
def test_so_is_one_of_rooms_of_messages_and_of_lines(support: Client, seven_and_nine: Store, place: str) -> None:
    for page in ("room/", "room/7.9/change/", "room/7.9/lines/", "message/"):
        address = f"/admin/conversations/{page}?before={quote(place)}"
        assert support.get(address).status_code == 200, page
    assert support.get(f"/admin/conversations/message/?q=line&room=7.9&before={quote(place)}").status_code == 200


@pytest.mark.parametrize("text", ["a" * 400, "ế" * 300, "x" * 5000])
def test_a_text_that_is_too_long_to_look_for_is_refused_on_the_form(
    support: Client, seven_and_nine: Store, text: str
) -> None:
    for name in ("room", "message"):
        page = support.get(f"/admin/conversations/{name}/", {"q": text})
        assert (page.status_code, "too long to look for" in page.text) == (200, True), name


def test_a_room_of_a_long_id_is_found_by_it(support: Client, seven_and_nine: Store) -> None:
    room_id = f"{'a' * 200}.{'e' * 200}"
    seven_and_nine.cz_rooms.insert_one({"_id": room_id, "buyer": "a" * 200, "seller": "e" * 200})
    page = support.get("/admin/conversations/room/", {"q": room_id})
    assert ("a" * 200 in page.text, "too long to look for" in page.text) == (True, False)


@pytest.mark.parametrize("query", ["foo=1", "act__foo=1", "at__gte=x", "staff_name__foo=a"])
def test_a_list_that_cannot_be_is_not_exported(lead: Client, query: str) -> None:
    answer = lead.post(f"/admin/moderation/auditrecord/export/?{query}")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/moderation/auditrecord/")
    assert not AuditRecord.objects.exists()
