"""Matching texts with filters. Knows texts and filters, no store and no user; bounded in time and memory."""

from moderation.matching.filters import FilterAction, FilterKind, Found, Matcher

__all__ = ["FilterAction", "FilterKind", "Found", "Matcher"]
