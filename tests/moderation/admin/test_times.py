"""Times on the pages of staff are those of the request's time zone, which the pages name."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from moderation.admin.changelists.search_pages import start_of_day
from moderation.admin.times import UntilField, shown

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOON = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC)


class Form(forms.Form):
    until = UntilField()


def test_an_instant_is_shown_in_the_time_zone_of_the_request() -> None:
    assert shown(NOON) == "2026-11-30 12:00 (UTC)"
    with timezone.override(HANOI):
        assert shown(NOON) == "2026-11-30 19:00 (Asia/Ho_Chi_Minh)"


def test_an_end_is_read_in_it_and_the_label_says_so() -> None:
    with timezone.override(HANOI):
        form = Form({"until": "2026-11-30T19:00"})
        assert form.is_valid()
        assert form.cleaned_data["until"] == NOON
        assert "Until (Asia/Ho_Chi_Minh)" in str(form)
    assert "Until (UTC)" in str(Form())


def test_a_day_begins_at_its_midnight() -> None:
    with timezone.override(HANOI):
        assert start_of_day(datetime.date(2026, 12, 1)) == NOON + datetime.timedelta(hours=5)
