"""What the lists of rooms and of messages have in common: days to look in, and where the next page begins."""

from __future__ import annotations

import datetime
from typing import Final

from django import forms
from django.http import HttpRequest, QueryDict

from moderation.admin.windows import Place

PLACE: Final = "before"
"""The address's part that says where a page begins."""


class DaysForm(forms.Form):
    """From one day to another, both included, in UTC."""

    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="look_%s", label_suffix="")


def start_of_day(day: datetime.date | None) -> datetime.datetime | None:
    """The first instant of a day."""
    return None if day is None else datetime.datetime.combine(day, datetime.time.min, datetime.UTC)


def end_of_day(day: datetime.date | None) -> datetime.datetime | None:
    """The first instant after a day."""
    start = start_of_day(day)
    return None if start is None or day == datetime.date.max else start + datetime.timedelta(days=1)


def place_in(request: HttpRequest) -> Place | None:
    """Where the page that is asked for begins; None: it is the first."""
    return Place.read(request.GET.get(PLACE, ""))


def next_page(request: HttpRequest, following: Place | None) -> str:
    """The address of the next page; empty: there is none."""
    if following is None:
        return ""
    query = request.GET.copy()
    query[PLACE] = following.written()
    return f"?{query.urlencode()}"
