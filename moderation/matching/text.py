"""Texts made comparable: one form for what reads the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_UNSEEN = ("Cf", "Cc")
"""Unicode's categories of characters that are not drawn, such as zero-width spaces inside a word."""
_LAST_MARK = 0x1F000  # no script lies beyond


def _marks() -> Iterator[str]:
    """What is written over, under or around letters and is part of their word, as ranges of a character class."""
    first = None
    for code in range(0x300, _LAST_MARK + 1):
        is_mark = code < _LAST_MARK and unicodedata.category(chr(code)).startswith("M")
        if is_mark and first is None:
            first = code
        elif not is_mark and first is not None:
            yield f"{chr(first)}-{chr(code - 1)}"
            first = None


_WORD = rf"\w{''.join(_marks())}"
_TOKEN = re.compile(rf"[{_WORD}]+|[^{_WORD}\s]")


def normalized(text: str) -> str:
    """Unicode's NFKC, without characters that are not seen."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKC", text)
        if letter.isspace() or unicodedata.category(letter) not in _UNSEEN
    )


def tokens(text: str) -> list[str]:
    """The words, of any script, and the signs of a normalized text, in small letters; spaces only part them."""
    return _TOKEN.findall(text.casefold())
