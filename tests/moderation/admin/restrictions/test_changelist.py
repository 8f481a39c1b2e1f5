"""Restrictions by forms: what they ask for and refuse, how they are lifted, and which ones the list shows."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import Restriction
from tests.moderation.admin.answers import errors
from tests.moderation.admin.conftest import restricted
from tests.moderation.conftest import Store, acts


def test_the_list_of_restrictions_adds_of_users_and_of_rooms(support: Client, seven_and_nine: Store) -> None:
    url = reverse("admin:moderation_restriction_add")
    given = {"length": "1", "reason": "calm down"}
    assert errors(support.post(url, {**given, "kind": "mute"})) == {"user_id": ["This is needed."]}
    assert errors(support.post(url, {**given, "kind": "slow_mode", "user_id": "9"})).keys() == {
        "user_id", "room_id", "interval",
    }  # fmt: skip
    unknown = support.post(url, {**given, "kind": "slow_mode", "room_id": "1.2", "interval": "30"})
    assert "1.2" in str(errors(unknown))
    assert unknown.context["form"]["interval"].value() == "30"
    support.post(url, {**given, "kind": "slow_mode", "room_id": "7.9", "interval": "30"})
    support.post(url, {**given, "kind": "mute", "user_id": "9"})
    assert acts(seven_and_nine) == ["room.slowed", "user.muted"]


def test_a_restriction_is_lifted_with_a_reason_once(support: Client, seven_and_nine: Store) -> None:
    url = reverse("admin:moderation_restriction_lift", args=[restricted().pk])
    assert "rude" in support.get(url).text
    assert errors(support.post(url, {})) == {"reason": ["This field is required."]}
    support.post(url, {"reason": "said sorry"})
    assert Restriction.objects.get().lifted_by == "mai"
    again = support.post(url, {"reason": "said sorry"})
    assert "is over already" in str(errors(again))


def test_the_list_shows_what_is_in_force_and_the_rest_on_demand(support: Client, seven_and_nine: Store) -> None:
    now = timezone.now()
    restricted("9"), restricted("8", ends_at=now), restricted("6", lifted_at=now, lifted_by="mai")
    url = reverse("admin:moderation_restriction_changelist")
    assert [row.user_id for row in support.get(url).context["cl"].result_list] == ["9"]
    assert {row.user_id for row in support.get(f"{url}?state=all").context["cl"].result_list} == {"9", "8", "6"}
    assert [row.user_id for row in support.get(f"{url}?q=8").context["cl"].result_list] == ["8"]
