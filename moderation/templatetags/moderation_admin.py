"""Questions that moderation's templates ask of its models."""

from __future__ import annotations

import datetime

from django import template

from moderation.models import Restriction

register = template.Library()


@register.filter
def holds(restriction: Restriction, now: datetime.datetime) -> bool:
    """Whether it is in force."""
    return restriction.is_active(now)
