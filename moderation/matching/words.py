"""Words and phrases, all matched in one pass over the words of a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from moderation.matching.text import bare, folded, has_no_other_marks, normalized, tokens

Owner = TypeVar("Owner", bound=Hashable)


class _Phrase(NamedTuple):
    words: list[str]
    written: str
    also_without_marks: bool


class Words(Generic[Owner]):
    """Phrases to find as whole words, in any case and look-alike, with any joining signs between: see `text.py`.

    Args:
        phrases: Each phrase, its owner, and whether it is also found without its marks.
    """

    def __init__(self, phrases: Iterable[tuple[str, Owner, bool]]) -> None:
        self._by_first: defaultdict[str, list[tuple[_Phrase, Owner]]] = defaultdict(list)
        for phrase, owner, also_without_marks in phrases:
            if words := phrase_words(phrase):
                self._by_first[bare(words[0])].append((_Phrase(words, phrase, also_without_marks), owner))

    def find(self, text: str) -> Iterator[tuple[Owner, str]]:
        """Yield the owner and the phrase of each match in a normalized text."""
        if not self._by_first:
            return
        text = folded(text)
        if self._by_first.keys().isdisjoint(tokens(bare(text))):  # as of nearly all texts
            return
        words = tokens(text)
        for start, word in enumerate(words):
            for phrase, owner in self._by_first.get(bare(word), ()):
                if _is_at(phrase, words, start):
                    yield owner, phrase.written


def phrase_words(phrase: str) -> list[str]:
    """The words of a phrase as they are compared; none: it has no letter, number or sign."""
    return tokens(folded(normalized(phrase)))


def _is_at(phrase: _Phrase, words: list[str], start: int) -> bool:
    part = words[start : start + len(phrase.words)]
    if part == phrase.words:
        return True
    if not phrase.also_without_marks or len(part) != len(phrase.words):
        return False
    return all(
        bare(word) == bare(wanted) and has_no_other_marks(word, wanted)
        for word, wanted in zip(part, phrase.words, strict=True)
    )
