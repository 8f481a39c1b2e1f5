"""Finding in texts what filters look for. Knows texts and filters, no store and no user: bounded time and memory."""

from moderation.matching.filters import Found, Matcher

__all__ = ["Found", "Matcher"]
