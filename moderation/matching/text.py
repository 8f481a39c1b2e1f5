"""Normal forms of texts and words: one form for what looks the same to a reader, by Unicode's confusables (UTS #39).

A letter of another script that looks like a Latin one is replaced by it. Marks that make no letter, such as a
strike-through, are removed. Vietnamese marks stay, so that `lừa` and `lửa` differ; `bare` removes them as well.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator
from functools import cache

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
    """Convert a text to Unicode's NFKC, without invisible characters.

    These are removed first: one between a letter and its mark would keep them from composing.
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
    """Split a normalized text into words, of any script, and signs. Spaces only separate them."""
    return _TOKEN.findall(text)


_MARKS = "\u0300-\u036f\u0488\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ua670-\ua672\ufe20-\ufe2f"
"""The marks of no script of their own, and those that enclose."""
_ANY_MARK = re.compile(f"[{_MARKS}]")
_STROKE = "\u0335"
"""What the confusables table makes of `đ`: `d` and this mark."""
_VIETNAMESE = frozenset("\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323" + _STROKE)
_JOINING = re.compile(rf"(?<=[\w{_MARKS}])(?:[^\w\s!?,;()\[\]{{}}<>\"{_MARKS}]|_){{1,3}}(?=\w)|_")
"""Signs between words that a reader passes over: `lừa-đảo`, `lừa_đảo`, `lừa.đảo`; and the underscores of `_scam_`."""


def folded(text: str) -> str:
    """Convert a normalized text to small letters and Latin look-alikes, the form in which words are compared."""
    if not text.isascii():
        text = _ANY_MARK.sub("", unicodedata.normalize("NFC", text))
        text = unicodedata.normalize("NFD", text).translate(_look_alikes())
    return _joined(text.casefold())


def bare(word: str) -> str:
    """Remove all marks from a folded word."""
    return word if word.isascii() else _ANY_MARK.sub("", word)


def has_no_other_marks(word: str, phrase_word: str) -> bool:
    """Whether each Vietnamese mark of a word is in the phrase's word, too; both folded, with the same letters."""
    return all(mine <= theirs for mine, theirs in zip(_marks_of(word), _marks_of(phrase_word), strict=True))


def _joined(text: str) -> str:
    return _JOINING.sub(lambda match: " " if _is_punctuation(match[0]) else match[0], text)


def _is_punctuation(signs: str) -> bool:
    """Whether all signs are punctuation. Emojis are not: a filter may search for them."""
    return all(unicodedata.category(sign).startswith("P") or sign in "|~^`" for sign in signs)


def _marks_of(word: str) -> list[frozenset[str]]:
    """The Vietnamese marks of each letter."""
    marks: list[set[str]] = []
    for letter in word:
        if not _ANY_MARK.match(letter):
            marks.append(set())
        elif letter in _VIETNAMESE and marks:
            marks[-1].add(letter)
    return [frozenset(each) for each in marks]


@cache
def _look_alikes() -> dict[int, str]:
    """The Latin letter that each letter of another script looks like, by code point."""
    from confusable_homoglyphs.confusables import confusables_data

    table = {ord("đ"): "d" + _STROKE, ord("Đ"): "D" + _STROKE}
    for latin in string.ascii_letters:
        for entry in confusables_data.get(latin, ()):
            other = entry["c"].strip("\u200e")
            if len(other) == 1 and not other.isascii() and unicodedata.category(other)[0] in "LNS":
                # the table has one prototype, `l`, for all that is a stroke
                table.setdefault(ord(other), "I" if latin == "l" and other.isupper() else latin)
    for code, latin in list(table.items()):  # a word in small letters is the word in capitals
        small = chr(code).lower()
        if len(small) == 1:
            table.setdefault(ord(small), latin.lower())
    return table
