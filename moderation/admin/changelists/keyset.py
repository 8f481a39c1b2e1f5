"""Lists of any length by keyset pagination: no page counts rows, and page 1,000 costs what page 1 does.

A page begins after the last row of the page before: at an instant, and among the rows of that instant at a key. An
index returns rows in the order of their instants; among those of one instant MongoDB promises no order. These are read
by themselves and ordered by key. So a list is ordered by one field, and columns cannot be sorted.
"""

from __future__ import annotations

import datetime
from typing import Any, ClassVar, NamedTuple

from bson import ObjectId
from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise

from moderation.admin.changelists.windows import BEGINNING, can_be_near, going_back


class Position(NamedTuple):
    """Where a page begins: after the row of this instant with this key."""

    at: datetime.datetime
    key: str

    @classmethod
    def read(cls, text: str) -> Position | None:
        """Parse what `written` wrote; None: it is something else."""
        at, _, key = text.partition("~")
        try:
            instant = datetime.datetime.fromisoformat(at)
        except ValueError:
            return None
        return cls(instant, key) if instant.tzinfo and can_be_near(instant) and ObjectId.is_valid(key) else None

    def written(self) -> str:
        """The position as a query parameter."""
        return f"{self.at.isoformat()}~{self.key}"


class UncountedChangeList(ChangeList):
    """One page of a list, and the address of the next one."""

    model_admin: UncountedAdmin
    next_page: str | None = None
    first_page: str | None = None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """The admin class's ordering, without the key that Django would append: no index ends in it."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more."""
        (ordering,) = map(str, self.get_ordering(request, self.queryset))
        position = Position.read(request.GET.get(PAGE_VAR, ""))
        found = self._rows(ordering, position)
        self.result_list = found[: self.list_per_page]
        if len(found) > self.list_per_page:
            last = self.result_list[-1]
            following = Position(getattr(last, ordering.removeprefix("-")), str(last.pk))
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
        """The rows of the page, and one more if there is one."""
        field, latest_first = ordering.removeprefix("-"), ordering.startswith("-")
        wanted = self.list_per_page + 1
        branches = self.model_admin.branches(self.queryset, self.query.strip())
        read = _back_in_time if latest_first and len(branches) == 1 else _in_order
        rows: dict[Any, Any] = {}
        keys: list[Any] = []
        for branch in branches:
            if position is not None:
                keys += _keys_of_instant(branch, field, position.at, latest_first, wanted, position.key)
            following = read(branch, field, latest_first, position, wanted)
            if len(following) >= wanted:  # of the last instant not all may be there
                last = getattr(following[-1], field)
                keys += _keys_of_instant(branch, field, last, latest_first, wanted)
                following = [row for row in following if getattr(row, field) != last]
            rows |= {row.pk: row for row in following}
        if keys:
            rows |= {row.pk: row for row in self.root_queryset.filter(pk__in=keys).order_by()}
        return sorted(rows.values(), key=lambda row: (getattr(row, field), row.pk), reverse=latest_first)[:wanted]


def _keys_of_instant(
    queryset: QuerySet[Any],
    field: str,
    at: datetime.datetime,
    latest_first: bool,
    wanted: int,
    beyond: str | None = None,
) -> list[Any]:
    """The first keys of rows of one instant, in order; `beyond`: only those after this key."""
    keys: list[Any] = sorted(
        queryset.filter(**{field: at}).order_by().values_list("pk", flat=True), reverse=latest_first
    )
    if beyond is not None:
        end = ObjectId(beyond)
        keys = [key for key in keys if (key < end if latest_first else key > end)]
    return keys[:wanted]


def _in_order(
    queryset: QuerySet[Any], field: str, latest_first: bool, position: Position | None, wanted: int
) -> list[Any]:
    """The rows of later (or earlier) instants than that of the position, those of one instant in any order."""
    if position is not None:
        queryset = queryset.filter(**{f"{field}__{'lt' if latest_first else 'gt'}": position.at})
    return list(queryset[:wanted])


def _back_in_time(
    queryset: QuerySet[Any], field: str, latest_first: bool, position: Position | None, wanted: int
) -> list[Any]:
    """The same as `_in_order`, latest first, window by window."""
    rows: list[Any] = []
    for window in going_back(position.at if position is not None else None, BEGINNING, timezone.now()):
        within = {f"{field}__gte": window.since}
        if window.until is not None:
            within[f"{field}__lt"] = window.until
        rows += queryset.filter(**within)[: wanted - len(rows)]
        if len(rows) >= wanted:
            break
    return rows


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """An admin class without Django's forms for adding, changing and deleting, unless a subclass allows them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class UncountedAdmin(ReadOnlyAdmin):
    """An admin class for lists of any length.

    Attributes:
        ordering: One date field, with `-` for the latest first.
        search_fields: The fields that are compared with a whole id; each has an index.
        empty: What an empty list says.
    """

    change_list_template = "admin/moderation/uncounted_list.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by: ClassVar[tuple[str, ...]] = ()
    actions: Any = None
    empty: str | Promise = "There is nothing here."

    def searched(self, term: str) -> list[Q]:
        """The conditions of a search; a row that meets any of them is found. An index serves each.

        Args:
            term: The whole id that was entered.
        """
        return [Q(**{field: term}) for field in self.search_fields]

    def branches(self, queryset: QuerySet[Any], term: str) -> list[QuerySet[Any]]:
        """The queries whose rows make up the list; each reads one index in the list's order."""
        return [queryset.filter(each) for each in self.searched(term)] if term else [queryset]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return all: `branches` searches."""
        return queryset, False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return UncountedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        context = {
            "title": str(self.opts.verbose_name_plural).capitalize(),
            "empty": self.empty,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)
