"""Moderation and the chat in Django admin: lists, pages, and forms of acts. What is done goes through the services."""

from moderation.admin import (
    audit,  # noqa: F401
    filter_hits,  # noqa: F401
    filters,  # noqa: F401
    held,  # noqa: F401
    holds,  # noqa: F401
    messages,  # noqa: F401
    notes,  # noqa: F401
    reports,  # noqa: F401
    restrictions,  # noqa: F401
    rooms,  # noqa: F401
)
