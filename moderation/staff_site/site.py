"""The admin site: Django's, with the dashboard on the front page and a throttled login."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver

from moderation.staff import may
from moderation.staff_site.dashboard import dashboard
from moderation.staff_site.login import ThrottledLoginForm

PERMISSION = "moderation.view_report"
_FIRST = ("moderation", "conversations")
_ORDER = ("Report", "HeldMessage", "Restriction", "Person", "Note", "FilterHit", "MessageFilter", "AuditRecord")


class StaffSite(AdminSite):
    """The admin site of support staff."""

    site_header = "Chat support"
    site_title = "Chat support"
    index_title = "Overview"
    site_url = None  # "View site": there is none, apps have their own
    index_template = "admin/moderation/index.html"
    login_form = ThrottledLoginForm

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Leave out "View on site": nothing here has a page elsewhere, and its view fails on keys that are none."""
        return [each for each in super().get_urls() if getattr(each, "name", None) != "view_on_site"]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Add the dashboard to the front page."""
        stand = dashboard() if may(request, PERMISSION) else None
        return super().index(request, {**(extra_context or {}), "dashboard": stand})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Sort moderation first, in the order of daily work."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "moderation":
                app["models"].sort(key=lambda model: _place(_ORDER, model["object_name"]))
        return sorted(apps, key=lambda app: _place(_FIRST, app["app_label"]))


def _place(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)
