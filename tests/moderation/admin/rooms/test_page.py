"""The page of a room, as each role: who reads it, who may do what there, and what is told to whom."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from conversations.models import Message
from conversations.services import REDACTED
from moderation.admin.changelists.windows import in_address
from moderation.admin.links import room_url
from moderation.admin.rooms.acts import ACTS
from moderation.admin.rooms.transcript import place_of
from moderation.models import Act, AuditRecord, Note, RedactedOriginal, Restriction
from tests.conversations.conftest import Emitted
from tests.moderation.admin.conftest import held, hit, noted, reported, restricted
from tests.moderation.conftest import Store

PAGE = "/admin/conversations/room/7.9/change/"
LINES = "/admin/conversations/room/7.9/lines/"
STATE = "/admin/conversations/room/7.9/state/"
BY_SCRIPT: Any = {"headers": {"accept": "application/json"}}
GIVEN = {
    "redact": {"message": "m05", "reason": "spam"},
    "restore": {"message": "m06", "reason": "a mistake"},
    "original": {"message": "m06", "reason": "a complaint"},
    "mute": {"user": "9", "length": "24", "reason": "insults"},
    "ban": {"user": "7", "length": "for_good", "reason": "fraud"},
    "slow": {"interval": "30", "length": "1", "reason": "a flood"},
    "close": {"reason": "to calm down"},
    "reopen": {"reason": "they made up"},
    "note": {"text": "called the seller"},
    "write": {"content": "Hello from Support"},
}
OF_LEADS = {"original", "restore"}


@pytest.fixture
def room_of_old(seven_and_nine: Store, emitted: Emitted) -> Store:
    """The room of buyer 7 and seller 9; one of its messages is redacted."""
    at = datetime.datetime.now(datetime.UTC)
    seven_and_nine.cz_messages.update_one({"_id": "m06"}, {"$set": {"content": REDACTED, "redacted_at": at}})
    RedactedOriginal.objects.create(
        message_id="m06", room_id="7.9", sender="9", recipient="7", type="TEXT", content="a secret", redacted_at=at,
        redacted_by="mai", reason="personal data",
    )  # fmt: skip
    return seven_and_nine


def acts_url(act: str) -> str:
    return reverse("admin:conversations_room_act", args=["7.9", act])


def shown(client: Client) -> str:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return answer.content.decode()


def test_who_has_no_role_sees_nothing(nobody: Client, client: Client, room_of_old: Store) -> None:
    for url in (PAGE, LINES, STATE):
        assert nobody.get(url).status_code == 403
        assert client.get(url).status_code == 302  # to sign in
    for act, given in GIVEN.items():
        assert nobody.post(acts_url(act), given).status_code == 403
    assert AuditRecord.objects.count() == 0


def test_support_does_all_but_what_is_for_leads(support: Client, room_of_old: Store) -> None:
    statuses = {act: support.post(acts_url(act), given, **BY_SCRIPT).status_code for act, given in GIVEN.items()}
    assert {act for act, status in statuses.items() if status == 403} == OF_LEADS
    assert {status for act, status in statuses.items() if act not in OF_LEADS} == {200}


def test_a_page_offers_what_its_reader_may_do(support: Client, lead: Client, room_of_old: Store) -> None:
    assert 'data-act="redact"' in shown(support)
    for act in OF_LEADS:
        assert f'data-act="{act}"' not in shown(support)
        assert f'data-act="{act}"' in shown(lead)


def test_every_act_has_a_form_on_the_page(lead: Client, room_of_old: Store) -> None:
    """Open and closed, restricted and not, its buyer's name redacted and not."""
    pages = [shown(lead)]
    restricted("9")
    room_of_old.cz_rooms.update_one({"_id": "7.9"}, {"$set": {"closed_at": datetime.datetime.now(datetime.UTC)}})
    pages.append(shown(lead))
    room_of_old.cz_rooms.update_one({"_id": "7.9"}, {"$set": {"buyer_info.redacted_at": "2026-11-29T00:00:00.000Z"}})
    pages.append(shown(lead))
    assert {act for act in ACTS if any(f'data-act="{act}"' in page for page in pages)} == ACTS.keys()


@pytest.mark.parametrize(
    ("act", "recorded"),
    [
        ("redact", Act.MESSAGE_REDACTED),
        ("restore", Act.MESSAGE_RESTORED),
        ("original", Act.ORIGINAL_READ),
        ("mute", Act.USER_MUTED),
        ("ban", Act.USER_BANNED),
        ("slow", Act.ROOM_SLOWED),
        ("close", Act.ROOM_CLOSED),
        ("note", Act.NOTE_ADDED),
        ("write", Act.SUPPORT_WROTE),
    ],
)
def test_every_act_is_recorded_with_who_and_from_where(
    lead: Client, room_of_old: Store, act: str, recorded: Act
) -> None:
    lead.post(acts_url(act), GIVEN[act], REMOTE_ADDR="192.0.2.7", **BY_SCRIPT)
    (record,) = AuditRecord.objects.all()
    assert (record.act, record.staff_name, record.address) == (recorded, "tuan", "192.0.2.7")
    assert record.reason == GIVEN[act].get("reason", "")


def test_an_original_is_given_to_who_asked_and_is_on_no_page(lead: Client, room_of_old: Store) -> None:
    answer = lead.post(acts_url("original"), GIVEN["original"], **BY_SCRIPT)
    assert answer.json() == {"original": "a secret"}
    assert "a secret" not in shown(lead)
    assert "personal data" in shown(lead)


def test_without_scripts_an_act_loads_the_page_anew(support: Client, room_of_old: Store) -> None:
    answer = support.post(acts_url("close"), GIVEN["close"], follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "The room is closed" in answer.content.decode()


def test_a_reason_is_wanted(support: Client, room_of_old: Store) -> None:
    answer = support.post(acts_url("close"), {"reason": " "}, **BY_SCRIPT)
    assert (answer.status_code, answer.json()) == (400, {"error": "Reason: This field is required."})


def test_what_a_service_refuses_is_said(support: Client, room_of_old: Store) -> None:
    answer = support.post(acts_url("reopen"), GIVEN["reopen"], **BY_SCRIPT)
    assert (answer.status_code, answer.json()) == (400, {"error": "Not done: room '7.9' is open."})


def test_acts_are_for_what_is_in_this_room(lead: Client, room_of_old: Store) -> None:
    """Not for a message, a user or a restriction of elsewhere, whose id somebody puts into the form."""
    room_of_old.cz_messages.insert_one({"_id": "other", "room_id": "8.9", "from": "8", "to": "9", "content": "x"})
    other = restricted("8")
    for act, given in {
        "redact": {"message": "other", "reason": "x"},
        "ban": {"user": "8", "length": "24", "reason": "x"},
        "lift": {"restriction": str(other.pk), "reason": "x"},
    }.items():
        assert lead.post(acts_url(act), given, **BY_SCRIPT).status_code == 400
    assert lead.post(acts_url("lift"), {"restriction": "no id", "reason": "x"}, **BY_SCRIPT).status_code == 400
    assert Restriction.objects.get(pk=other.pk).lifted_at is None
    assert AuditRecord.objects.count() == 0


def test_acts_are_posted(lead: Client, room_of_old: Store) -> None:
    assert lead.get(acts_url("close")).status_code == 405
    assert lead.post(acts_url("dance"), {}).status_code == 404


def test_acts_want_the_pages_own_token(room_of_old: Store, support: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = support.cookies
    assert strict.post(acts_url("close"), GIVEN["close"]).status_code == 403


def test_line_breaks_of_forms_do_not_reach_users(support: Client, room_of_old: Store, emitted: Emitted) -> None:
    support.post(acts_url("write"), {"content": "one\r\ntwo\r\n"}, **BY_SCRIPT)
    assert {payload["content"] for payload in emitted.payloads("new_message")} == {"one\ntwo"}


def test_beside_the_conversation_stands_what_holds_in_the_room(lead: Client, room_of_old: Store) -> None:
    reported(text="asks for money")
    restricted("9", reason="insults")
    restricted("7", reason="lifted long ago", lifted_at=datetime.datetime.now(datetime.UTC))
    held(content="waits for staff")
    hit(text="refused words")
    noted(target_kind="room", target_id="7.9", text="an old case")
    page = shown(lead)
    for text in ("asks for money", "insults", "waits for staff", "refused words", "an old case"):
        assert text in page
    assert "lifted long ago" not in page


def test_what_was_held_does_not_stand_among_what_was_refused(support: Client, room_of_old: Store) -> None:
    held(filter_name="payment words", state="released")
    hit(filter_name="payment words", action="hold", text="")
    assert "payment words" not in support.get(PAGE).text


def test_a_filters_hit_stands_at_its_message(support: Client, room_of_old: Store) -> None:
    hit(message_id="m04", filter_name="rude words", action="flag", text="")
    page = shown(support)
    assert page.count("Filter: rude words") == 1
    assert page.index("line 4") < page.index("Filter: rude words") < page.index("line 5")


def test_what_users_write_is_shown_and_never_run_or_loaded_without_a_click(support: Client, room_of_old: Store) -> None:
    """No markup, no address of a picture that is a script; and the page forbids scripts of elsewhere."""
    room_of_old.cz_messages.insert_many(
        [
            {"_id": "n1", "room_id": "7.9", "from": "7", "to": "9", "content": "<script>alert(1)</script>"},
            {"_id": "n2", "room_id": "7.9", "from": "7", "to": "9", "type": "IMAGE", "content": "javascript:alert(2)"},
            {
                "_id": "n3",
                "room_id": "7.9",
                "from": "7",
                "to": "9",
                "type": "IMAGE",
                "content": "https://x.example/a.png",
            },
        ]
    )
    answer = support.get(PAGE)
    page = answer.content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert 'src="javascript:' not in page
    assert 'href="javascript:' not in page
    assert "<img" not in page
    assert '<a href="https://x.example/a.png" target="_blank" rel="noopener noreferrer"' in page
    assert "<img" not in support.get(PAGE.replace("room/7.9", "message/n3")).content.decode()
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_pictures_of_ours_and_of_hosts_that_the_operator_names_are_shown(
    support: Client, room_of_old: Store, settings: Settings
) -> None:
    settings.IMAGE_HOSTS = [".shop.example"]
    ours = "/v1/conversations/media/2026/01/0123456789abcdef0123456789abcdef.png"
    of_shop = "https://img.shop.example/a.png"
    room_of_old.cz_messages.insert_many(
        [
            {"_id": f"n{number}", "room_id": "7.9", "from": "7", "to": "9", "type": "IMAGE", "content": address}
            for number, address in enumerate((ours, of_shop))
        ]
    )
    answer = support.get(PAGE)
    page = answer.content.decode()
    assert f'<img src="{ours}"' in page
    assert f'<img src="{of_shop}"' in page
    assert "img-src 'self' data: *.shop.example shop.example;" in answer.headers["Content-Security-Policy"]


def test_a_room_that_does_not_exist(support: Client, database: Store) -> None:
    assert support.get(PAGE).status_code == 404


def test_a_room_of_very_old_documents(support: Client, database: Store) -> None:
    """Nothing but ids and a content."""
    database.cz_rooms.insert_one({"_id": "7.9", "buyer": "7", "seller": "9"})
    database.cz_messages.insert_one(
        {"_id": "old", "room_id": "7.9", "from": "7", "to": "9", "content": "from long ago"}
    )
    page = shown(support)
    assert "from long ago" in page
    assert "Buyer 7" in page


def test_earlier_pages_go_on_to_messages_without_a_time(support: Client, room_of_old: Store) -> None:
    """They come before all others, page by page as those do."""
    room_of_old.cz_messages.insert_many(
        [{"_id": f"old{n:02}", "room_id": "7.9", "from": "7", "to": "9", "content": "x"} for n in range(90)]
    )
    shown = support.get(LINES).json()
    ids = re.findall(r'data-id="(\w+)"', shown["html"])
    while shown["earlier"]:
        shown = support.get(LINES, {"before": shown["earlier"]}).json()
        ids = [*re.findall(r'data-id="(\w+)"', shown["html"]), *ids]
    assert ids == [f"old{n:02}" for n in range(90)] + [f"m{n:02}" for n in range(12)]


def test_earlier_pages_reach_messages_without_a_time_from_those_with_one(support: Client, room_of_old: Store) -> None:
    room_of_old.cz_messages.insert_one({"_id": "old", "room_id": "7.9", "from": "7", "to": "9", "content": "x"})
    place = in_address(place_of(Message.objects.get(pk="m03")))
    assert 'data-id="old"' in support.get(LINES, {"before": place}).json()["html"]


def test_an_address_of_any_room_id_works(support: Client, database: Store) -> None:
    """Ids are the clients' own: slashes and more may be in them."""
    database.cz_rooms.insert_one({"_id": "a/b c.d_é", "buyer": "a/b c", "seller": "d_é"})
    answer = support.get("/admin/conversations/room/?q=a/b+c.d_é")
    (url,) = {part.split('"')[0] for part in answer.content.decode().split('href="')[1:] if "/change/" in part}
    page = support.get(url)
    assert page.status_code == 200
    assert Note.objects.count() == 0
    lines = page.context["urls"]["lines"]
    assert support.get(lines).status_code == 200


def test_a_message_about_which_a_report_is_open_is_marked(support: Client, seven_and_nine: Store) -> None:
    report = reported("m05")
    reported("m06", by="8", state="dismissed", open_key=None)
    page = support.get(room_url("7.9", "m05"))
    assert {line.message.pk: line.reports for line in page.context["lines"] if line.reports} == {
        "m05": [(str(report.pk), "Fraud")]
    }
    assert "Reported: Fraud" in page.text
