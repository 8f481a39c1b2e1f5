"""Filters by forms: who saves them, that the audit has it, and a text tried on one that is not saved."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from moderation.models import MessageFilter
from tests.moderation.conftest import Store, acts


def test_filters_are_saved_by_leads_and_audited(support: Client, lead: Client, seven_and_nine: Store) -> None:
    url = reverse("admin:moderation_messagefilter_add")
    given = {"name": "rude", "kind": "regex", "patterns": "mor+on", "action": "flag", "is_active": "on", "reason": "x"}
    assert support.post(url, given).status_code == 403
    bad = lead.post(url, {**given, "patterns": "mor(on"})
    assert "line 1" in str(bad.context["adminform"].form.errors)
    assert not MessageFilter.objects.exists()
    lead.post(url, given)
    saved = MessageFilter.objects.get()
    assert saved.updated_by == "tuan"
    lead.post(reverse("admin:moderation_messagefilter_change", args=[saved.pk]), {**given, "action": "hold"})
    lead.post(reverse("admin:moderation_messagefilter_delete", args=[saved.pk]), {"post": "yes"})
    assert acts(seven_and_nine) == ["filter.created", "filter.changed", "filter.deleted"]


def test_a_text_is_tried_before_the_filter_is_saved(support: Client, lead: Client, seven_and_nine: Store) -> None:
    url = reverse("admin:moderation_messagefilter_try")
    given = {"kind": "words", "patterns": "moron", "action": "flag", "text": "you MORON"}
    assert support.post(url, given).status_code == 403
    assert lead.post(url, given).json() == {"found": ["moron"]}
    assert lead.post(url, {**given, "text": "hello"}).json() == {"found": []}
    unmarked = {**given, "patterns": "lừa đảo", "text": "lua dao"}
    assert lead.post(url, {**unmarked, "also_without_marks": "true"}).json() == {"found": ["lừa đảo"]}
    assert lead.post(url, {**unmarked, "also_without_marks": "false"}).json() == {"found": []}
    assert "line 1" in lead.post(url, {**given, "kind": "regex", "patterns": "("}).json()["problems"][0]
    assert lead.post(url, {**given, "kind": ""}).json() == {"problems": ["Choose a kind first."]}
    assert "many rooms" in lead.post(url, {**given, "kind": "flood", "rooms": "5", "seconds": "60"}).json()["note"]
    assert not MessageFilter.objects.exists()
