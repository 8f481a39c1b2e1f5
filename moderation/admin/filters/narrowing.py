"""What lists of held messages and of hits are narrowed by: the filter, and the last hours."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from moderation.models import MessageFilter

MOST_FILTERS = 100


class ByFilter(admin.SimpleListFilter):
    """What one filter did. A filter that is gone is found by its name in the address."""

    title = _("filter")
    parameter_name = "filter"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = list(MessageFilter.objects.order_by("name").values_list("name", flat=True)[:MOST_FILTERS])
        wanted = request.GET.get(self.parameter_name)
        return [(name, name) for name in ([*names, wanted] if wanted and wanted not in names else names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(filter_name=self.value()) if self.value() else queryset


class HoursFilter(admin.SimpleListFilter):
    """What came in the last hours."""

    title = _("time")
    parameter_name = "hours"
    field: str

    @classmethod
    def of(cls, field: str) -> type[HoursFilter]:
        """The filter of a list that is ordered by this field."""
        return type("HoursFilter", (cls,), {"field": field})

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Last hour")), ("24", _("Last 24 hours")), ("168", _("Last 7 days"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"1", "24", "168"}:
            return queryset
        since = timezone.now() - datetime.timedelta(hours=int(self.value() or 1))
        return queryset.filter(**{f"{self.field}__gte": since})
