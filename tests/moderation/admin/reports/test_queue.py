"""The queue of reports: what it lists, and how staff take, decide and return reports."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from moderation.models import Report
from tests.moderation.admin.conftest import reported, signed_in, staff
from tests.moderation.conftest import Store, acts

QUEUE = reverse("admin:moderation_report_changelist")
TAKE_NEXT = reverse("admin:moderation_report_take_next")


def page_of(report: Report) -> str:
    return reverse("admin:moderation_report_change", args=[report.pk])


def state(report: Report) -> str:
    return Report.objects.get(pk=report.pk).state


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def rows(client: Client, query: str = "") -> list[str]:
    """The ids of the reports listed."""
    return [str(report.pk) for report in client.get(f"{QUEUE}{query}").context["cl"].result_list]


def test_it_lists_open_reports_oldest_first(support: Client, seven_and_nine: Store) -> None:
    younger, older = reported(minutes_ago=5), reported("m07", minutes_ago=50)
    reported("m01", state="resolved", open_key=None)
    assert rows(support) == [str(older.pk), str(younger.pk)]


def test_a_row_says_how_many_reports_there_are_on_the_same(support: Client, seven_and_nine: Store) -> None:
    reported(minutes_ago=9), reported(by="filter", minutes_ago=5), reported("m07", minutes_ago=1)
    listed = support.get(QUEUE).context["cl"].result_list
    assert [report.on_target for report in listed] == [2, 2, 1]


def test_other_states_and_those_of_ones_own_are_a_click_away(support: Client, seven_and_nine: Store) -> None:
    mai = User.objects.get(username="mai")
    tuan = staff("tuan", "Support")
    mine = reported("m01", state="in_review", assignee_id=str(mai.pk), assignee_name="mai")
    theirs = reported("m02", state="in_review", assignee_id=str(tuan.pk), assignee_name="tuan")
    dismissed = reported("m03", state="dismissed", open_key=None)
    assert set(rows(support, "?state=in_review")) == {str(mine.pk), str(theirs.pk)}
    assert rows(support, "?state=mine") == [str(mine.pk)]
    assert rows(support, "?state=dismissed") == [str(dismissed.pk)]
    assert rows(support, "?state=dismissed&reason__exact=spam") == []


def test_a_search_finds_whole_ids_in_any_state(support: Client, seven_and_nine: Store) -> None:
    closed = reported("m01", by="8", state="resolved", open_key=None)
    reported("m02", user_id="10", room_id="1.10", by="1")
    for wanted in ("9", "7.9", "8", "m01"):
        assert rows(support, f"?q={wanted}") == [str(closed.pk)]
    assert rows(support, "?q=7") == []


def test_take_the_next_one_shows_the_oldest(support: Client, seven_and_nine: Store) -> None:
    reported(minutes_ago=5)
    older = reported("m07", minutes_ago=50)
    answer = support.post(TAKE_NEXT)
    assert answer["Location"] == page_of(older)
    assert state(older) == "in_review"
    assert "You work on this report" in support.get(page_of(older)).text


def test_the_last_one_taken_is_said(support: Client, seven_and_nine: Store) -> None:
    assert "No report is open" in said(support.post(TAKE_NEXT))
    assert support.get(TAKE_NEXT).status_code == 405


def test_the_second_to_take_a_report_is_told_who_has_it(support: Client, seven_and_nine: Store) -> None:
    report, tuan = reported(), signed_in(staff("tuan", "Support"))
    tuan.get(page_of(report))
    support.post(page_of(report), {"act": "take"})
    assert "mai works on this report" in said(tuan.post(page_of(report), {"act": "take"}))
    page = tuan.get(page_of(report)).text
    assert "mai works on this report" in page
    assert "Resolve" not in page
    assert "mai works on this report" in said(tuan.post(page_of(report), {"act": "dismiss", "outcome": "", "note": ""}))
    assert state(report) == "in_review"


def test_it_is_resolved_with_an_outcome(support: Client, seven_and_nine: Store) -> None:
    report, same = reported(), reported(by="filter")
    support.post(page_of(report), {"act": "take"})
    missing = support.post(page_of(report), {"act": "resolve", "outcome": "", "note": "was rude"})
    assert "Choose what was done" in missing.text
    assert "was rude" in missing.text
    answer = support.post(page_of(report), {"act": "resolve", "outcome": "warned", "note": "was rude"})
    assert (answer["Location"], said(answer)) == (QUEUE, "2 reports are resolved.")
    assert {(found.state, found.outcome, found.note) for found in Report.objects.all()} == {
        ("resolved", "warned", "was rude")
    }
    assert "Resolved: warned" in support.get(page_of(same)).text


def test_it_is_dismissed_without_one(support: Client, seven_and_nine: Store) -> None:
    report = reported()
    support.post(page_of(report), {"act": "take"})
    support.post(page_of(report), {"act": "dismiss", "outcome": "", "note": ""})
    assert state(report) == "dismissed"
    assert acts(seven_and_nine) == ["report.taken", "report.dismissed"]


def test_it_is_returned_at_once_by_who_has_it_and_after_a_question_by_others(
    support: Client, seven_and_nine: Store
) -> None:
    report, tuan = reported(), signed_in(staff("tuan", "Support"))
    support.post(page_of(report), {"act": "take"})
    support.post(page_of(report), {"act": "return"})
    assert state(report) == "open"
    support.post(page_of(report), {"act": "take"})
    question = reverse("admin:moderation_report_return", args=[report.pk])
    assert question in tuan.get(page_of(report)).text
    assert "mai works on this report" in tuan.get(question).text
    assert state(report) == "in_review"
    tuan.post(question)
    assert state(report) == "open"


def test_the_page_shows_the_message_with_its_neighbours(support: Client, seven_and_nine: Store) -> None:
    report = reported("m06")
    page = support.get(page_of(report))
    excerpt = page.context["excerpt"]
    assert [line.message.pk for line in excerpt.lines] == [f"m{n:02}" for n in range(1, 12)]
    assert excerpt.target.pk == "m06"
    assert excerpt.lines[0].side == "seller"
    framed = page.text.partition('<li class="buyer target">')[2].partition("</li>")[0]
    assert "reported" in framed and "line 6" in framed
    assert page.text.count("<strong>reported</strong>") == 1


def test_the_page_of_a_report_whose_message_is_gone_says_so(support: Client, seven_and_nine: Store) -> None:
    assert "does not exist any more" in support.get(page_of(reported("gone"))).text


def test_the_message_is_redacted_from_there(support: Client, seven_and_nine: Store) -> None:
    report = reported()
    support.post(page_of(report), {"act": "take"})
    url = reverse("admin:moderation_report_redact", args=[report.pk])
    assert url in support.get(page_of(report)).text
    assert "This field is required" in support.post(url, {}).text
    support.post(url, {"reason": "fraud"})
    assert seven_and_nine.cz_messages.find_one({"_id": "m05"})["redacted_at"] is not None  # type: ignore[index]
    assert url not in (again := support.get(page_of(report)).text)
    assert "it is redacted" in again
    assert "is redacted already" in support.post(url, {"reason": "fraud"}).text
    about_user = reported("9", target_kind="user", by="8")
    assert support.get(reverse("admin:moderation_report_redact", args=[about_user.pk])).status_code == 404


def test_the_act_on_the_user_leads_back_with_the_outcome_chosen(support: Client, seven_and_nine: Store) -> None:
    report = reported()
    support.post(page_of(report), {"act": "take"})
    query = support.get(page_of(report)).context["mute_query"]
    mute = f"{reverse('admin:moderation_person_mute', args=['9'])}?{query}"
    form = support.get(mute)
    assert form.context["form"]["reason"].value() == "Reported for fraud: wants money first"
    answer = support.post(mute, {"length": "24", "reason": "fraud", "next": form.context["next"]})
    assert answer["Location"] == f"{page_of(report)}?outcome=muted"
    assert support.get(answer["Location"]).context["form"]["outcome"].value() == "muted"


def test_staff_who_may_only_look_take_nothing(seven_and_nine: Store, roles: None) -> None:
    looker = staff("looker", "")
    looker.user_permissions.add(Permission.objects.get(codename="view_report"))
    client, report = signed_in(looker), reported()
    assert "Take this report" not in client.get(page_of(report)).text
    assert client.post(page_of(report), {"act": "take"}).status_code == 403
    assert client.post(TAKE_NEXT).status_code == 403
    assert state(report) == "open"


def test_no_report_is_added_changed_or_deleted_by_hand(lead: Client, seven_and_nine: Store) -> None:
    report = reported()
    assert lead.get(reverse("admin:moderation_report_add")).status_code == 403
    assert lead.post(reverse("admin:moderation_report_delete", args=[report.pk]), {"post": "yes"}).status_code == 403
    lead.post(page_of(report), {"state": "resolved", "act": "frobnicate"})
    assert state(report) == "open"
    assert lead.get(reverse("admin:moderation_report_change", args=["none"])).status_code == 404
