"""Users are found by name, phone, mail or id; an id that nobody has is said before an act; their page, and messages."""

from __future__ import annotations

import datetime

from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import AuditRecord, Restriction
from tests.moderation.admin.answers import errors
from tests.moderation.admin.conftest import held, hit, noted, reported, restricted, signed_in, staff
from tests.moderation.conftest import Store, acts

FIND = reverse("admin:moderation_person_changelist")


def page_of(user_id: str) -> str:
    return reverse("admin:moderation_person", args=[user_id])


def found(client: Client, text: str) -> list[str]:
    return [each.user_id for each in client.get(FIND, {"q": text}).context["page"].people]


def test_whoever_is_known_by_an_id_is_shown_at_once(support: Client, seven_and_nine: Store) -> None:
    for user_id in ("7", "9"):
        assert support.get(FIND, {"q": f" {user_id} "})["Location"] == page_of(user_id)
    restricted("10")
    assert support.get(FIND, {"q": "10"})["Location"] == page_of("10")


def test_users_are_found_by_a_part_of_a_name_a_phone_number_or_an_address(
    support: Client, seven_and_nine: Store
) -> None:
    details = {"name": "Linh Trần", "phone_number": "0912 345 678", "email": "linh@example.com"}
    seven_and_nine.cz_rooms.update_one({"_id": "7.9"}, {"$set": {"buyer_info": details}})
    for text in ("linh tran", "Trần", "0912 345", "linh@example"):
        assert found(support, text) == ["7"], text
    assert found(support, "gom") == ["9"]
    assert found(support, "7.9") == ["7", "9"]
    page = support.get(FIND, {"q": "linh"}).text
    assert "0912 345 678" in page and "Linh Trần" in page


def test_that_nobody_is_found_is_said(support: Client, seven_and_nine: Store) -> None:
    assert "Nobody is known by the id “77”" in support.get(FIND, {"q": "77"}).text
    assert "Write an id" in support.get(FIND, {"q": " "}).text
    assert "too long" in support.get(FIND, {"q": "x" * 5000}).text


def test_an_id_that_nobody_has_is_said_before_and_after_an_act(support: Client, seven_and_nine: Store) -> None:
    url = reverse("admin:moderation_person_mute", args=["77"])
    assert "Nobody is known by the id 77" in support.get(page_of("77")).text
    assert "Nobody is known by the id 77" in support.get(url).text
    assert "Nobody is known" not in support.get(reverse("admin:moderation_person_mute", args=["9"])).text
    answer = support.post(url, {"length": "24", "reason": "rude"})
    said = [str(message) for message in get_messages(answer.wsgi_request)]
    assert any("Nobody of the id 77 has a room" in each for each in said)
    add = reverse("admin:moderation_restriction_add")
    given = {"kind": "ban", "user_id": "78", "length": "24", "reason": "fraud"}
    assert "Nobody is known by this id" in str(errors(support.post(add, given)))
    assert not Restriction.objects.filter(user_id="78").exists()
    support.post(add, {**given, "anyway": "on"})
    assert Restriction.objects.filter(user_id="78").exists()


def test_a_page_of_a_user_has_all_of_it_in_one_order(lead: Client, seven_and_nine: Store) -> None:
    last = {"_id": "m12", "from": "9", "to": "7", "type": "TEXT", "content": "see you", "created_at": timezone.now()}
    seven_and_nine.cz_rooms.update_one({"_id": "7.9"}, {"$set": {"seller_last_message": last}})
    reported(minutes_ago=50), restricted(), noted()
    held(sender="9"), hit(user_id="9")
    page = lead.get(page_of("9"))
    assert page.context["title"] == "Gốm"
    kinds = [each.kind for each in page.context["timeline"]]
    assert set(kinds) == {"Reported", "Mute", "Note", "Held", "Filter"}
    assert kinds[-1] == "Reported"
    for text in ("see you", "last wrote", "Linh"):
        assert text in page.text


def test_what_a_user_wrote_is_redacted_together(support: Client, lead: Client, seven_and_nine: Store) -> None:
    old = timezone.now() - datetime.timedelta(hours=30)
    seven_and_nine.cz_messages.update_one({"_id": "m01"}, {"$set": {"created_at": old}})
    url = reverse("admin:moderation_person_messages", args=["9"])
    listed = support.get(url)
    assert [row.pk for row in listed.context["rows"]] == ["m11", "m09", "m07", "m05", "m03"]
    assert len(support.get(f"{url}?hours=168").context["rows"]) == 6
    many = listed.context["act_url"]
    asked = support.post(many, {"chosen": ["m05", "m07", "m05"]})
    assert [subject.key for subject in asked.context["subjects"]] == ["m05", "m07"]
    assert "line 5" in asked.text
    support.post(many, {"subjects": '["m05", "m07"]', "reason": "rude"})
    assert acts(seven_and_nine) == ["message.redacted"] * 2
    assert support.post(many, {"all": "1"}).status_code == 403, "all of them at once is for leads"
    everything = lead.post(many, {"all": "1"})
    assert [subject.key for subject in everything.context["subjects"]] == ["m11", "m09", "m03"]
    assert AuditRecord.objects.filter(user_id="9").count() == 2


def test_what_a_user_of_an_odd_id_wrote_is_that_users(lead: Client, seven_and_nine: Store) -> None:
    """In an address `_2F` stands for a slash."""
    now = timezone.now()
    for number, user_id in enumerate(("a/b", "a_2Fb")):
        seven_and_nine.cz_rooms.insert_one({"_id": f"{user_id}.9", "buyer": user_id, "seller": "9", "updated_at": now})
        said = {"room_id": f"{user_id}.9", "from": user_id, "to": "9", "content": "hello", "created_at": now}
        seven_and_nine.cz_messages.insert_one({"_id": f"odd{number}", "type": "TEXT", **said})
    for number, user_id in enumerate(("a/b", "a_2Fb")):
        url = reverse("admin:moderation_person_messages", args=[quote(user_id)])
        asked = lead.post(lead.get(url).context["act_url"], {"all": "1"})
        assert [subject.key for subject in asked.context["subjects"]] == [f"odd{number}"]
        assert asked.context["back"].startswith(url)


def test_who_may_not_read_is_shown_nothing_by_the_question(seven_and_nine: Store, roles: None) -> None:
    redactor = staff("redactor", "")
    redactor.user_permissions.add(Permission.objects.get(codename="redact_message"))
    url = reverse("admin:moderation_person_redact_many", args=["9"])
    assert signed_in(redactor).post(url, {"chosen": ["m05"]}).status_code == 403
