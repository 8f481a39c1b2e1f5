"""Lists of any length: no page counts what there is, and the thousandth costs what the first does.

A page begins where the one before ended, at the value that the list is ordered by; what it lists, an index gives in
that order. So a list is ordered by one field, and is not sorted by a click on a column.
"""

from __future__ import annotations

import datetime
from typing import Any, ClassVar, NamedTuple

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils import timezone

from moderation.admin.read_only import ReadOnlyAdmin
from moderation.admin.windows import BEGINNING, can_be_near, going_back


class Position(NamedTuple):
    """Where a page begins: at this instant, past so many rows that have just the same."""

    at: datetime.datetime
    past: int

    @classmethod
    def read(cls, text: str) -> Position | None:
        """As `written`; `None`: it was not."""
        at, _, past = text.partition("~")
        try:
            instant = datetime.datetime.fromisoformat(at)
            good = instant.tzinfo and can_be_near(instant) and 0 <= int(past) <= 10_000
            return cls(instant, int(past)) if good else None
        except ValueError:
            return None

    def written(self) -> str:
        """For an address."""
        return f"{self.at.isoformat()}~{self.past}"


class UncountedChangeList(ChangeList):
    """One page of a list, and whether there is a next one."""

    model_admin: UncountedAdmin
    next_page: str | None = None
    first_page: str | None = None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """As the admin class says, without the key that Django would add: no index has it at its end."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, and one row more."""
        (ordering,) = map(str, self.get_ordering(request, self.queryset))
        position = Position.read(request.GET.get(PAGE_VAR, ""))
        found = self._rows(ordering, position)
        self.result_list = found[: self.list_per_page]
        if len(found) > self.list_per_page:
            following = self._after(position, ordering.removeprefix("-"))
            self.next_page = self.get_query_string({PAGE_VAR: following.written()})
        if position is not None:
            self.first_page = self.get_query_string(remove=[PAGE_VAR])
        self.result_count = len(self.result_list)
        self.full_result_count = self.result_count  # or Django would say how many there are
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_list)
        self.can_show_all = True
        self.multi_page = False
        self.paginator = Paginator(self.result_list, self.list_per_page)

    def _rows(self, ordering: str, position: Position | None) -> list[Any]:
        """The rows of the page, and one more where there is one."""
        field, latest_first = ordering.removeprefix("-"), ordering.startswith("-")
        past = position.past if position is not None else 0
        wanted = past + self.list_per_page + 1
        branches = self.model_admin.branches(self.queryset, self.query.strip())
        if latest_first and len(branches) == 1:
            return self._back_in_time(branches[0], field, position, wanted)[past:]
        rows: dict[Any, Any] = {}
        for branch in branches:
            if position is not None:
                branch = branch.filter(**{f"{field}__{'lte' if latest_first else 'gte'}": position.at})
            rows |= {row.pk: row for row in branch[:wanted]}
        return sorted(rows.values(), key=lambda row: getattr(row, field), reverse=latest_first)[past:wanted]

    def _back_in_time(self, queryset: QuerySet[Any], field: str, position: Position | None, wanted: int) -> list[Any]:
        until = None if position is None else position.at + datetime.timedelta(milliseconds=1)
        rows: list[Any] = []
        for window in going_back(until, BEGINNING, timezone.now()):
            within = {f"{field}__gte": window.since}
            if window.until is not None:
                within[f"{field}__lt"] = window.until
            rows += queryset.filter(**within)[: wanted - len(rows)]
            if len(rows) >= wanted:
                break
        return rows

    def _after(self, position: Position | None, field: str) -> Position:
        instants = [getattr(row, field) for row in self.result_list]
        last = instants[-1]
        past = instants.count(last)
        if position is not None and position.at == last:  # nothing but the same instant on the whole page
            past += position.past
        return Position(last, past)


class UncountedAdmin(ReadOnlyAdmin):
    """An admin class for such lists.

    `ordering` names one date field. `empty` is what an empty list says.
    """

    change_list_template = "admin/moderation/uncounted_list.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    actions: Any = None
    empty = "There is nothing here."

    def searched(self, term: str) -> list[Q]:
        """What a search is for: rows that fulfil any of these, each of which an index serves. `term` is a whole id."""
        return [Q(**{field: term}) for field in self.search_fields]

    def branches(self, queryset: QuerySet[Any], term: str) -> list[QuerySet[Any]]:
        """The queries whose rows together are the list. Not one with an `$or`: SecantusDB has no index for that."""
        return [queryset.filter(each) for each in self.searched(term)] if term else [queryset]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """All: `branches` will search."""
        return queryset, False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """One that does not count."""
        return UncountedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list, with its own words for when it is empty."""
        context = {
            "title": str(self.opts.verbose_name_plural).capitalize(),
            "empty": self.empty,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)
