"""Answers about tokens that were checked before, so that a user who comes back costs a look into a dictionary."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

MOST_TOKENS = 20_000
"""Tokens that one cache holds: about half a kilobyte each."""


class TokenCache(Generic[Answer]):
    """What is known of tokens, by their SHA-256: a token itself may have thousands of characters, and is a secret.

    Args:
        max_entries: How many answers are kept; the least recently used one is dropped first.
    """

    def __init__(self, max_entries: int = MOST_TOKENS) -> None:
        self._max_entries = max_entries
        self._known: OrderedDict[bytes, tuple[Answer, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, digest: bytes) -> Answer | None:
        """Return the answer about a token; None: there is none, or it is too old.

        Args:
            digest: What `digest_of` made of the token.
        """
        entry = self._known.get(digest)
        if entry is None:
            return None
        answer, known_until = entry
        if time.monotonic() >= known_until:
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return answer

    def put(self, digest: bytes, answer: Answer, seconds: float) -> None:
        """Keep an answer.

        Args:
            digest: As of `get`.
            answer: The answer.
            seconds: For how long it holds.
        """
        self._known[digest] = (answer, time.monotonic() + seconds)
        self._known.move_to_end(digest)
        while len(self._known) > self._max_entries:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget all answers."""
        self._known.clear()


def digest_of(token: str) -> bytes:
    """Return what a token is known by."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
