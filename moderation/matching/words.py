"""Words and phrases, all of them looked for in one pass over a text's words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

from moderation.matching.text import normalized, tokens

Owner = TypeVar("Owner", bound=Hashable)


class Words(Generic[Owner]):
    """Phrases, each with whom it belongs to. Found as whole words, in any case, with any spaces between."""

    def __init__(self, phrases: Iterable[tuple[str, Owner]]) -> None:
        self._by_first: defaultdict[str, list[tuple[list[str], str, Owner]]] = defaultdict(list)
        for phrase, owner in phrases:
            if parts := tokens(normalized(phrase)):
                self._by_first[parts[0]].append((parts, phrase, owner))

    def find(self, text: str) -> Iterator[tuple[Owner, str]]:
        """Whose phrases a normalized text has in it, and which."""
        if not self._by_first:
            return
        words = tokens(text)
        for start, word in enumerate(words):
            for parts, phrase, owner in self._by_first.get(word, ()):
                if words[start : start + len(parts)] == parts:
                    yield owner, phrase
