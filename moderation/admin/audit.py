"""The audit in the admin: a list, a page for each record, and a CSV export."""

from __future__ import annotations

import datetime
from functools import reduce
from operator import or_
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from conversations.errors import REFUSALS
from moderation import services
from moderation.admin.acts import sentence, staff_of, streamed
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import person_link, room_link
from moderation.models import AuditRecord, TargetKind
from moderation.staff import may

EXPORT_PERMISSION = "moderation.export_auditrecord"


class WhenFilter(admin.SimpleListFilter):
    """Records of the last days."""

    title = "time"
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Last 24 hours"), ("7", "Last 7 days"), ("30", "Last 30 days")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditRecord]) -> QuerySet[AuditRecord]:
        if self.value() not in {"1", "7", "30"}:
            return queryset
        return queryset.filter(at__gte=timezone.now() - datetime.timedelta(days=int(self.value() or 1)))


class MineFilter(admin.SimpleListFilter):
    """Records of one's own acts."""

    title = "who"
    parameter_name = "mine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Me")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditRecord]) -> QuerySet[AuditRecord]:
        return queryset.filter(staff_id=str(request.user.pk)) if self.value() == "1" else queryset


@admin.register(AuditRecord)
class AuditRecordAdmin(UncountedAdmin):
    """The newest first; read only."""

    change_list_template = "admin/moderation/auditrecord/list.html"
    list_display = ("at", "staff_name", "act", "user", "room", "why")
    list_filter = (WhenFilter, MineFilter, "act")
    ordering = ("-at",)
    search_fields = ("user_id", "room_id", "staff_id", "target_id")
    search_help_text = "The whole id of a user, a room or a message, or the id of one of the staff."
    empty = "Nobody has done anything yet."
    fields = ("at", "staff_name", "staff_id", "address", "act", "target", "user", "room", "why", "before", "after")
    readonly_fields = ("target", "user", "room", "why")

    def searched(self, term: str) -> list[Q]:
        """Search targets only among messages: all others are found by their user or room."""
        ids = [Q(**{field: term}) for field in ("user_id", "room_id", "staff_id")]
        return [*ids, Q(target_kind=TargetKind.MESSAGE, target_id=term)]

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(require_POST(self.export))
        return [path("export/", export, name="moderation_auditrecord_export"), *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Export all records that the list shows as CSV; the export is an audit record itself."""
        if not may(request, EXPORT_PERMISSION):
            raise PermissionDenied
        try:
            listed: ChangeList = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            messages.error(request, "Not exported: the address of the list says what it cannot be searched for.")
            return HttpResponseRedirect(reverse("admin:moderation_auditrecord_changelist"))
        term = listed.query.strip()
        records = listed.queryset.filter(reduce(or_, self.searched(term))) if term else listed.queryset
        try:
            lines = async_to_sync(services.export_audit)(staff_of(request), records)
        except REFUSALS as refusal:
            messages.error(request, sentence(refusal))
            return HttpResponseRedirect(reverse("admin:moderation_auditrecord_changelist"))
        return streamed(lines, "text/csv", f"audit-{timezone.now():%Y-%m-%d}.csv")

    @admin.display(description="To what")
    def target(self, record: AuditRecord) -> str:
        return f"{record.target_kind} {record.target_id}".capitalize()

    @admin.display(description="User")
    def user(self, record: AuditRecord) -> str:
        return person_link(record.user_id)

    @admin.display(description="Room")
    def room(self, record: AuditRecord) -> str:
        return room_link(record.room_id)

    @admin.display(description="Why")
    def why(self, record: AuditRecord) -> str:
        return record.reason or "–"
