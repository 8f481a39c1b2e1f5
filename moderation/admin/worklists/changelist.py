"""The list of a queue: an uncounted list whose rows are drawn by a template of their own, with acts on many."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.views.decorators.http import require_POST

from conversations.configuration import ChatSettings
from moderation.admin.changelists.keyset import UncountedAdmin, UncountedChangeList
from moderation.admin.worklists.many import MOST, ManyAct, many_page


class WorklistChangeList(UncountedChangeList):
    """One page, with what its rows show besides their own fields."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, then what the template of its rows needs, for all rows at once."""
        super().get_results(request)
        admin: Any = self.model_admin
        admin.look_up(list(self.result_list))


class WorklistAdmin(UncountedAdmin):
    """An admin class for a list that staff work through.

    Attributes:
        many: The acts on many rows, by the name in their address.
        columns: The heads of the columns that `row_template` fills.
        row_template: Draws the cells of one row, `row`.
        queue: The name of the queue in `queue_changed`; empty: the list is not live.
    """

    change_list_template = "admin/moderation/worklist/list.html"
    many: ClassVar[dict[str, ManyAct]] = {}
    columns: ClassVar[tuple[str | Promise, ...]] = ()
    row_template: ClassVar[str]
    queue: ClassVar[str] = ""

    def look_up(self, rows: list[Any]) -> None:
        """Read what the rows of a page show, and set it as their attributes."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return WorklistChangeList

    def get_urls(self) -> list[URLPattern]:
        many = self.admin_site.admin_view(require_POST(self.act_on_many))
        name = f"moderation_{self.opts.model_name}_many"
        return [path("act-on-many/to/<str:act_name>/", many, name=name), *super().get_urls()]

    def act_on_many(self, request: HttpRequest, act_name: str) -> HttpResponse:
        """Act on the chosen rows, or on all rows of the list that the query describes."""
        if not self.has_view_permission(request):  # the page that asks shows what is in the list
            raise PermissionDenied
        act = self.many.get(act_name)
        if act is None:
            raise Http404(f"there is no act {act_name!r}")
        back = f"{reverse(f'admin:moderation_{self.opts.model_name}_changelist')}?{request.GET.urlencode()}"
        try:
            return many_page(request, act, lambda: self._all_keys(request), back.removesuffix("?"))
        except IncorrectLookupParameters:
            raise BadRequest("the address of the list says what it cannot be searched for") from None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        chat = ChatSettings.current()
        name = f"admin:moderation_{self.opts.model_name}_many"
        context = {
            "columns": self.columns,
            "row_template": self.row_template,
            "many": [
                {"act": act, "url": f"{reverse(name, args=[key])}?{request.GET.urlencode()}"}
                for key, act in self.many.items()
                if act.allowed(request)
            ],
            "queue": self.queue,
            "socket_path": chat.SOCKET_PATH,
            "staff_namespace": chat.STAFF_NAMESPACE,
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def _all_keys(self, request: HttpRequest) -> list[str]:
        """The keys of all rows of the list, in its order as far as it has one, MOST + 1 at most."""
        listed: Any = self.get_changelist_instance(request)
        keys: dict[str, None] = {}
        for branch in self.branches(listed.queryset, listed.query.strip()):
            keys |= {str(key): None for key in branch.values_list("pk", flat=True)[: MOST + 1]}
        return list(keys)[: MOST + 1]
