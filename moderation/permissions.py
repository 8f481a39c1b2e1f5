"""What whoever makes a request may do, by Django's permissions."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest


def may(request: HttpRequest, permission: str) -> bool:
    """Whether they have a permission, such as `moderation.change_report`."""
    return cast("User | AnonymousUser", request.user).has_perm(permission)
