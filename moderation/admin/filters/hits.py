"""What filters have hit, as a list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from moderation.admin.pages.links import person_link, room_link
from moderation.admin.pages.uncounted import UncountedAdmin
from moderation.models import FilterHit


@admin.register(FilterHit)
class FilterHitAdmin(UncountedAdmin):
    """Newest first; of one user or room by a search."""

    list_display = ("at", "filter_name", "action", "who", "room", "said")
    list_display_links = None
    ordering = ("-at",)
    search_fields = ("user_id", "room_id")
    search_help_text = "The whole id of a user or a room."
    empty = "No filter has hit anything."

    @admin.display(description="User")
    def who(self, hit: FilterHit) -> str:
        """Who wrote it."""
        return person_link(hit.user_id)

    @admin.display(description="Room")
    def room(self, hit: FilterHit) -> str:
        """Where, at the message if it was sent."""
        return room_link(hit.room_id, hit.message_id)

    @admin.display(description="Text, if refused")
    def said(self, hit: FilterHit) -> Any:
        """What it said; what was sent or held stands elsewhere."""
        return hit.text if len(hit.text) <= 100 else f"{hit.text[:99]}…"
