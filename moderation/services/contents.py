"""What messages of a kind say, and where else than in them it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conversations.models import MessageType
from conversations.store import Document, durable
from moderation.models import Report, ReportReason


def contents_of_images(messages: Iterable[Document]) -> Iterator[str]:
    """The addresses that messages of images consist of."""
    return (message.get("content") or "" for message in messages if message.get("type") == MessageType.IMAGE)


def unquote(reports: Document) -> int:
    """Take out of such reports of filters what was found in a message; the filter's name stays. How many those were."""
    quoting = {**reports, "reason": ReportReason.FILTER, "$expr": {"$ne": ["$text", "$reporter"]}}
    return durable(Report).update_many(quoting, [{"$set": {"text": "$reporter"}}]).modified_count
