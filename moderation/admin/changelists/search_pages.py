"""What the lists of rooms and of messages share: days to search in, and the place where a page begins."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from django import forms
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from conversations.services.search_pattern import PatternTooLong
from moderation.admin.changelists.windows import in_address, place_from
from persistence.keyset import Place


class SearchPage(Protocol):
    """One page of search results."""

    @property
    def following(self) -> Place | None:
        """Where the next page begins; `None`: there is none."""


AnyPage = TypeVar("AnyPage", bound=SearchPage)

PLACE: Final = "before"
"""The address's part that says where a page begins."""


class DaysForm(forms.Form):
    """From one day to another, both included, in the time zone of the request."""

    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data, auto_id="look_%s", label_suffix="")


def found_by(form: DaysForm, find: Callable[[], AnyPage], nothing: AnyPage) -> AnyPage:
    """Search, or report in the form that the text is too long.

    Args:
        form: The form, with a field `q`.
        find: Searches.
        nothing: The empty page, for a text that is too long.
    """
    try:
        return find()
    except PatternTooLong:
        form.add_error("q", "This is too long to look for: take a part of it.")
        return nothing


def start_of_day(day: datetime.date | None) -> datetime.datetime | None:
    """The first instant of a day."""
    return None if day is None else datetime.datetime.combine(day, datetime.time.min, timezone.get_current_timezone())


def end_of_day(day: datetime.date | None) -> datetime.datetime | None:
    """The first instant after a day."""
    start = start_of_day(day)
    return None if start is None or day == datetime.date.max else start + datetime.timedelta(days=1)


def place_in(request: HttpRequest) -> Place | None:
    """The place where the requested page begins; None: it is the first page."""
    return place_from(request.GET.get(PLACE, ""))


def page_context(request: HttpRequest, form: DaysForm, page: SearchPage) -> dict[str, Any]:
    """The context of the template `room/look.html`; `next_page` and `first_page` are the addresses of those pages."""
    return {
        "form": form,
        "page": page,
        "is_search": any(form.cleaned_data.values()),
        "first_page": _address(request, None) if PLACE in request.GET else "",
        "next_page": _address(request, page.following) if page.following is not None else "",
    }


def _address(request: HttpRequest, place: Place | None) -> str:
    query = request.GET.copy()
    query.pop(PLACE, None)
    if place is not None:
        query[PLACE] = in_address(place)
    return f"?{query.urlencode()}"
