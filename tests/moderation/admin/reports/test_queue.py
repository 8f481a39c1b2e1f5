"""The queue of reports: what it lists, and how staff take, decide and return reports."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from moderation.models import Report, Restriction
from moderation.services.weighing import weigh_target
from tests.moderation.admin.answers import errors
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
    first, same, other = reported(), reported(by="8"), reported("m07")
    for each in (same, other):
        weigh_target(each)
    page = support.get(QUEUE)
    counts = {report.pk: report.reporters for report in page.context["cl"].result_list}
    assert counts == {first.pk: 2, same.pk: 2, other.pk: 1}
    assert page.text.count("2 reports</p>") == 2


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


def test_the_most_urgent_comes_first_and_age_makes_up_for_it(support: Client, seven_and_nine: Store) -> None:
    """A doubled priority is worth four hours."""
    spam, fraud = reported("m01", reason="spam", minutes_ago=200), reported("m02", reason="fraud")
    old = reported("m03", reason="spam", minutes_ago=300)
    assert rows(support) == [str(each.pk) for each in (old, fraud, spam)]
    assert rows(support, "?order=age") == [str(each.pk) for each in (old, spam, fraud)]
    assert rows(support, "?level=medium") == [str(fraud.pk)]
    answer = support.post(TAKE_NEXT)
    assert answer["Location"] == page_of(old)


def test_a_row_shows_what_was_said_by_whom_and_names(support: Client, seven_and_nine: Store) -> None:
    reported("m05")
    redacted = reported("m07", by="8")
    seven_and_nine.cz_messages.update_one({"_id": "m07"}, {"$set": {"redacted_at": redacted.created_at}})
    reported("gone", by="1")
    picture = "/media/2026/11/" + "a" * 32
    seven_and_nine.cz_messages.update_one({"_id": "m03"}, {"$set": {"type": "IMAGE", "content": picture}})
    reported("m03", by="2")
    page = support.get(QUEUE).text
    assert "line 5" in page and "line 7" not in page
    for name in ("Gốm", "Linh", "wants money first", "does not exist any more"):
        assert name in page
    assert "Fraud" in page


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
    assert "mai works on this report" in said(tuan.post(page_of(report), {"act": "dismiss", "note": ""}))
    assert state(report) == "in_review"


def test_it_is_resolved_with_an_outcome(support: Client, seven_and_nine: Store) -> None:
    report, same = reported(), reported(by="filter")
    support.post(page_of(report), {"act": "take"})
    missing = support.post(page_of(report), {"act": "resolve", "note": "was rude"})
    assert "Choose what was done" in missing.text
    assert "was rude" in missing.text
    answer = support.post(page_of(report), {"act": "resolve", "outcomes": ["warned"], "note": "was rude"})
    assert answer["Location"] == QUEUE
    assert said(answer).startswith("2 reports are resolved.")
    assert {(found.state, found.outcome, found.note) for found in Report.objects.all()} == {
        ("resolved", "warned", "was rude")
    }
    assert "Resolved: warned" in support.get(page_of(same)).text


def test_it_is_dismissed_without_one(support: Client, seven_and_nine: Store) -> None:
    report = reported()
    support.post(page_of(report), {"act": "take"})
    support.post(page_of(report), {"act": "dismiss", "note": ""})
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


def test_several_measures_are_taken_at_once(support: Client, seven_and_nine: Store) -> None:
    report, same = reported(), reported(by="filter")
    support.post(page_of(report), {"act": "take"})
    several = {"act": "resolve-next", "outcomes": ["redacted", "muted"], "mute_for": "168", "note": ""}
    assert "Say why" in support.post(page_of(report), several).text
    following = reported("m07", by="8")
    answer = support.post(page_of(report), {**several, "note": "fraud"})
    assert answer["Location"] == page_of(following)
    assert state(following) == "in_review"
    closed = [Report.objects.get(pk=each.pk) for each in (report, same)]
    assert [(each.state, each.outcome) for each in closed] == [("resolved", "muted")] * 2
    assert [each.outcomes for each in closed] == [["muted", "redacted"]] * 2
    assert seven_and_nine.cz_messages.find_one({"_id": "m05"})["redacted_at"] is not None  # type: ignore[index]
    mute = Restriction.objects.get(user_id="9")
    assert mute.ends_at is not None and (mute.ends_at - mute.starts_at).days in (6, 7)
    assert acts(seven_and_nine) == [
        "report.taken", "message.redacted", "user.muted", "report.resolved", "report.taken"
    ]  # fmt: skip
    assert following.past == 0
    assert Report.objects.get(pk=following.pk).past == 3, "a mute, and two reports that were upheld"


def test_what_is_done_already_is_not_done_twice(support: Client, seven_and_nine: Store) -> None:
    report = reported()
    support.post(page_of(report), {"act": "take"})
    asked = {"outcomes": ["redacted", "muted"], "mute_for": "24", "note": "fraud"}
    assert "still yours" in said(support.post(page_of(report), {"act": "do", **asked}))
    assert state(report) == "in_review"
    ticked = {choice.value for choice in support.get(page_of(report)).context["measures"] if choice.is_ticked}
    assert ticked == {"redacted", "muted"}
    support.post(page_of(report), {"act": "resolve", **asked})
    assert Restriction.objects.count() == 1
    assert Report.objects.get(pk=report.pk).outcomes == ["muted", "redacted"]


def test_who_has_just_redacted_a_message_sees_it_until_the_report_is_closed(
    support: Client, seven_and_nine: Store
) -> None:
    """And may undo it. Colleagues without the permission see nothing, and neither does anybody afterwards."""
    report, tuan = reported(), signed_in(staff("tuan", "Support"))
    support.post(page_of(report), {"act": "take"})
    support.post(page_of(report), {"act": "do", "outcomes": ["redacted"], "note": "fraud"})
    original = "line 5</p>"
    assert original in support.get(page_of(report)).text
    assert original not in tuan.get(page_of(report)).text
    assert tuan.post(page_of(report), {"act": "restore"}).status_code == 403
    support.post(page_of(report), {"act": "restore"})
    message = seven_and_nine.cz_messages.find_one({"_id": "m05"})
    assert message is not None and (message["content"], message.get("redacted_at")) == ("line 5", None)
    support.post(page_of(report), {"act": "resolve", "outcomes": ["redacted"], "note": "fraud"})
    assert original not in support.get(page_of(report)).text
    assert support.post(page_of(report), {"act": "restore"}).status_code == 403


def test_a_report_about_a_user_has_no_message_to_redact(support: Client, seven_and_nine: Store) -> None:
    about_user = reported("9", target_kind="user", by="8")
    support.post(page_of(about_user), {"act": "take"})
    page = support.get(page_of(about_user))
    assert "redacted" not in {choice.value for choice in page.context["measures"]}
    forced = support.post(page_of(about_user), {"act": "do", "outcomes": ["redacted"], "note": "rude"})
    assert "about no message" in said(forced)


def test_a_closed_report_is_reopened_by_who_asks_for_it(support: Client, seven_and_nine: Store) -> None:
    report, same = reported(), reported(by="8")
    support.post(page_of(report), {"act": "take"})
    support.post(page_of(report), {"act": "dismiss", "note": ""})
    url = reverse("admin:moderation_report_reopen", args=[report.pk])
    assert url in support.get(page_of(report)).text
    assert "This field is required" in support.post(url, {}).text
    support.post(url, {"reason": "wrong button"})
    assert state(report) == state(same) == "in_review"
    assert acts(seven_and_nine)[-1] == "report.reopened"
    assert "not closed" in str(errors(support.post(url, {"reason": "again"})))


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
