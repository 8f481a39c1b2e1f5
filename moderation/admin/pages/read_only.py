"""Admin classes of what staff look at, and change only by acts of moderation's own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Nothing is added, changed or deleted by Django's forms, unless a subclass lets it."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No: see the class."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """No: see the class."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """No: see the class."""
        return False
