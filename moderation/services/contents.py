"""What messages of a kind say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conversations.models import MessageType
from conversations.store import Document


def contents_of_images(messages: Iterable[Document]) -> Iterator[str]:
    """The addresses that messages of images consist of."""
    return (message.get("content") or "" for message in messages if message.get("type") == MessageType.IMAGE)
