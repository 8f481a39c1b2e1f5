"""Acts on many: who may do them, and that what is done already is not done twice."""

from __future__ import annotations

import json

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from moderation.models import Report, Restriction
from tests.moderation.admin.conftest import held, hit, reported, restricted, signed_in, staff
from tests.moderation.conftest import Store, acts


def address(model: str, act: str) -> str:
    return reverse(f"admin:moderation_{model}_many", args=[act])


def test_a_user_is_muted_once_however_many_reports_there_are(support: Client, seven_and_nine: Store) -> None:
    keys = [str(reported(message).pk) for message in ("m01", "m03", "m05")]
    for part in (keys[:2], keys[2:]):  # as the page's script sends them
        given = {"subjects": json.dumps(part), "length": "24", "reason": "fraud"}
        support.post(address("report", "mute"), given)
    assert Restriction.objects.count() == 1
    assert {(each.state, each.outcome) for each in Report.objects.all()} == {("resolved", "muted")}
    assert acts(seven_and_nine).count("user.muted") == 1


def test_who_is_muted_as_long_already_is_passed_over(support: Client, seven_and_nine: Store) -> None:
    """As when an act on many was stopped, and is begun again. A longer mute is another one."""
    held(), hit()
    for length in ("1", "1", "24", "1"):
        for model in ("heldmessage", "filterhit"):
            given = {"subjects": '["7"]', "length": length, "reason": "spam"}
            support.post(address(model, "mute"), given)
    assert Restriction.objects.filter(user_id="7").count() == 2
    restricted("8", kind="ban")
    support.post(address("filterhit", "mute"), {"subjects": '["8"]', "length": "for_good", "reason": "spam"})
    assert Restriction.objects.filter(user_id="8", kind="mute").count() == 1


def test_who_may_not_see_a_list_is_shown_nothing_of_it_by_the_question(seven_and_nine: Store, roles: None) -> None:
    muter = staff("muter", "")
    muter.user_permissions.add(Permission.objects.get(codename="add_restriction"))
    client = signed_in(muter)
    held(), hit()
    for model in ("heldmessage", "filterhit"):
        assert client.post(address(model, "mute"), {"all": "1"}).status_code == 403, model
