"""Texts made comparable: one form for what reads the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_UNSEEN = ("Cf", "Cc")
"""Unicode's categories of characters that are not drawn, such as zero-width spaces inside a word."""
_SPACES = frozenset("\t\n\v\f\r\x85")
"""What of the control characters is a space. Python takes U+001C to U+001F for such, too, which nothing draws."""
_DRAWN_EMPTY = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What is in other categories and is not seen all the same: fillers, joiners, variation selectors (Unicode's property
Default_Ignorable_Code_Point), and Braille's pattern without a dot."""
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
    """Unicode's NFKC, without characters that are not seen.

    Those go first: one between a letter and its mark would keep them from becoming one character.
    """
    if text.isascii() and text.isprintable():
        return text
    seen = "".join(
        letter
        for letter in _DRAWN_EMPTY.sub("", text)
        if letter in _SPACES or unicodedata.category(letter) not in _UNSEEN
    )
    return unicodedata.normalize("NFKC", seen)


def tokens(text: str) -> list[str]:
    """The words, of any script, and the signs of a normalized text, spaces only part them."""
    return _TOKEN.findall(text)
