"""The admin site: Django's, with the dashboard on the front page, pages of users, and a throttled login."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, reverse

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
        """Add the pages of users of the chat."""
        from moderation.admin.users.page import person_urls  # it registers with this site

        # Without "View on site": nothing here has a page elsewhere, and its view fails on keys that are none.
        djangos = [each for each in super().get_urls() if getattr(each, "name", None) != "view_on_site"]
        return [*person_urls(), *djangos]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Add the dashboard to the front page."""
        stand = dashboard() if may(request, PERMISSION) else None
        return super().index(request, {**(extra_context or {}), "dashboard": stand})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Sort moderation first, in the order of daily work."""
        apps = super().get_app_list(request, app_label)
        for app in apps:
            if app["app_label"] == "moderation":
                if may(request, PERMISSION):
                    app["models"].append(_people())
                app["models"].sort(key=lambda model: _place(_ORDER, model["object_name"]))
        return sorted(apps, key=lambda app: _place(_FIRST, app["app_label"]))


def _people() -> dict[str, Any]:
    """An entry for users of the chat, who have no model."""
    return {
        "name": "Users of the chat",
        "object_name": "Person",
        "perms": {"add": False, "change": False, "delete": False, "view": True},
        "admin_url": reverse("admin:moderation_people"),
        "add_url": None,
        "view_only": True,
    }


def _place(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)
