"""Acts on a user by forms: what they ask for, do and refuse; notes; the page of a user."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import AuditRecord, Note, Report, Restriction
from persistence.availability import StoreUnavailable
from tests.moderation.admin.answers import downloaded, errors
from tests.moderation.admin.conftest import filtered, held, hit, restricted
from tests.moderation.conftest import Store, acts


def of(user_id: str, act: str) -> str:
    return reverse(f"admin:moderation_person_{act}", args=[user_id])


def test_a_mute_has_a_length_and_a_reason(support: Client, seven_and_nine: Store) -> None:
    url = of("9", "mute")
    assert set(errors(support.post(url, {}))) == {"length", "reason"}
    assert errors(support.post(url, {"length": "until", "reason": "rude"})) == {
        "until": ["Fill in until when, or choose another length."]
    }
    past = support.post(url, {"length": "until", "until": "2020-01-01T10:00", "reason": "rude"})
    assert "This has passed" in past.text
    assert errors(support.post(url, {"length": "24", "until": "2050-01-01T10:00", "reason": "rude"})).keys() == {
        "length"
    }
    assert not Restriction.objects.exists()
    answer = support.post(url, {"length": "24", "reason": " rude "}, REMOTE_ADDR="192.0.2.7")
    assert answer["Location"] == reverse("admin:moderation_person", args=["9"])
    mute = Restriction.objects.get()
    assert (mute.kind, mute.user_id, mute.reason, mute.created_by) == ("mute", "9", "rude", "mai")
    assert mute.ends_at is not None
    assert 23.9 < (mute.ends_at - timezone.now()).total_seconds() / 3600 <= 24
    record = AuditRecord.objects.get()
    assert (record.staff_id, record.address) == (str(User.objects.get(username="mai").pk), "192.0.2.7")


def test_a_ban_lasts_until_a_time_or_for_good(support: Client, seven_and_nine: Store) -> None:
    support.post(of("9", "ban"), {"length": "until", "until": "2050-01-01T10:00", "reason": "fraud"})
    support.post(of("7", "ban"), {"length": "for_good", "reason": "fraud"})
    ends = [ban.ends_at for ban in Restriction.objects.order_by("created_at")]
    assert [end and end.isoformat() for end in ends] == ["2050-01-01T10:00:00+00:00", None]
    page = support.get(reverse("admin:moderation_person", args=["9"])).text
    assert "Banned" in page


def test_where_to_go_next_is_within_this_site(support: Client, seven_and_nine: Store) -> None:
    answer = support.post(of("9", "note"), {"text": "x", "next": "https://evil.example/"})
    assert answer["Location"] == reverse("admin:moderation_person", args=["9"])
    assert "evil.example" not in support.get(f"{of('9', 'note')}?next=https://evil.example/").text


def test_notes_are_written_about_users_and_rooms(support: Client, seven_and_nine: Store) -> None:
    support.post(of("9", "note"), {"text": "called back"})
    url = reverse("admin:moderation_note_add")
    support.post(url, {"target_kind": "room", "target_id": "7.9", "text": "old friends"})
    assert set(Note.objects.values_list("target_kind", "target_id", "written_by")) == {
        ("user", "9", "mai"), ("room", "7.9", "mai"),
    }  # fmt: skip
    assert "called back" in support.get(reverse("admin:moderation_person", args=["9"])).text


def test_recent_messages_are_redacted_by_leads(support: Client, lead: Client, seven_and_nine: Store) -> None:
    given = {"hours": "1", "reason": "spam"}
    assert support.post(of("9", "redact_recent"), given).status_code == 403
    assert errors(lead.post(of("9", "redact_recent"), {**given, "hours": "1000"})).keys() == {"hours"}
    lead.post(of("9", "redact_recent"), given)
    assert seven_and_nine.cz_messages.count_documents({"from": "9", "redacted_at": {"$ne": None}}) == 6


def test_erasing_wants_the_id_once_more(support: Client, lead: Client, seven_and_nine: Store) -> None:
    given = {"reason": "request 12", "user_id": "9"}
    assert support.post(of("9", "erase"), given).status_code == 403
    wrong = lead.post(of("9", "erase"), {**given, "user_id": "7"})
    assert "This is not the id of this user" in str(errors(wrong))
    assert seven_and_nine.cz_messages.count_documents({"content": "line 1"}) == 1
    lead.post(of("9", "erase"), given)
    assert seven_and_nine.cz_messages.count_documents({"content": "line 1"}) == 0


async def test_a_person_is_exported_as_a_file(seven_and_nine: Store, roles: None) -> None:
    answer, body = await downloaded(of("9", "export"), {"reason": "request 12"}, "tuan", "Moderation lead")
    assert answer["Content-Disposition"] == 'attachment; filename="user-9.json"'
    kinds = [each["kind"] for each in json.loads(body)]
    assert kinds == ["room", *["message"] * 6]
    assert acts(seven_and_nine) == ["person.exported"]


def test_a_store_that_does_not_answer_is_said_on_the_form(
    support: Client, seven_and_nine: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moderation import services

    async def away(*given: Any, **more: Any) -> None:
        raise StoreUnavailable("the message store does not answer; try again in a moment")

    monkeypatch.setattr(services, "mute", away)
    answer = support.post(of("9", "mute"), {"length": "1", "reason": "rude"})
    assert "Not done: the message store does not answer" in answer.text
    assert answer.context["form"]["reason"].value() == "rude"


def test_the_page_of_a_user_has_all_that_is_known(support: Client, lead: Client, seven_and_nine: Store) -> None:
    restricted("7"), hit(), held(), filtered()
    Report.objects.create(
        target_kind="user", target_id="7", user_id="7", room_id="7.9", reporter="9", reason="spam", text="again",
        created_at=timezone.now(), open_key="k",
    )  # fmt: skip
    url = reverse("admin:moderation_person", args=["7"])
    page = support.get(url).text
    for part in ("Linh", "Muted", "again", "evil.example", "7.9", "offline", "Mute…"):
        assert part in page, part
    for part in ("Erase", "Export", "Redact recent"):
        assert part not in page
        assert part in lead.get(url).text


def test_a_user_of_any_id_has_a_page(support: Client, seven_and_nine: Store) -> None:
    for user_id in ("a/b", "ü ?&", "x_y", "../x"):
        nobody = support.get(reverse("admin:moderation_person_changelist"), {"q": user_id})
        assert nobody.context["anyway"] in nobody.text
        found = support.get(nobody.context["anyway"])
        assert found.status_code == 200
        assert found.context["user_id"] == user_id
        assert QueryDict(urlsplit(found.context["rooms_url"]).query)["q"] == user_id
