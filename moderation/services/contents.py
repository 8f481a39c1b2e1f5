"""What messages of a kind say, and where else than in them it stands."""

from __future__ import annotations

from collections.abc import Iterable

from moderation.models import Report, ReportReason
from persistence.mongodb import Document, durable


def images_of(documents: Iterable[Document]) -> list[str]:
    """The uploads that messages, or what is kept of them, show."""
    return [document["image"] for document in documents if document.get("image")]


def unquote(reports: Document) -> int:
    """Take out of such reports of filters what was found in a message; the filter's name stays. How many those were."""
    quoting = {**reports, "reason": ReportReason.FILTER, "$expr": {"$ne": ["$text", "$reporter"]}}
    return durable(Report).update_many(quoting, [{"$set": {"text": "$reporter"}}]).modified_count
