"""Filters by forms: who saves them, that the audit has it, and a text tried on one that is not saved."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from moderation.models import MessageFilter
from tests.moderation.admin.conftest import filtered, held, hit
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


def test_a_filter_is_tried_on_recent_messages_and_the_list_says_what_each_did(
    support: Client, lead: Client, seven_and_nine: Store
) -> None:
    url = reverse("admin:moderation_messagefilter_try_recent")
    given = {"kind": "words", "patterns": "line", "action": "flag"}
    assert support.post(url, given).status_code == 403
    answer = lead.post(url, given).json()
    assert answer["said"] == "Found in 12 of 12 recent messages."
    assert {"text": "line 5", "what": "line"} in answer["found"]
    assert "line 1" in lead.post(url, {**given, "kind": "regex", "patterns": "("}).json()["problems"][0]
    filtered(name="links"), hit(), hit(filter_name="other")
    held(state="released"), held(state="dropped"), held(state="dropped")
    page = lead.get(reverse("admin:moderation_messagefilter_changelist")).text
    assert 'filter=links">1</a>' in page
    assert "67 % (held: 1 released, 2 dropped; reports: 0 upheld, 0 dismissed)" in page


def test_hits_show_what_was_said_and_what_became_of_it(support: Client, seven_and_nine: Store) -> None:
    kept = held(content="pay me", state="dropped", decided_at=timezone.now(), decided_by="mai")
    hit(action="hold", text="", held_id=str(kept.pk)), hit(action="note", text="", message_id="m05"), hit()
    url = reverse("admin:moderation_filterhit_changelist")
    page = support.get(url)
    assert [row.content.text for row in page.context["cl"].result_list] == ["buy at evil.example", "line 5", "pay me"]
    assert "Hold, dropped" in page.text
    assert len(support.get(f"{url}?filter=other").context["cl"].result_list) == 0
    assert len(support.get(f"{url}?filter=links&hours=24").context["cl"].result_list) == 3
