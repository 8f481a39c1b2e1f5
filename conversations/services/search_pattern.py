"""Regular expressions that find a text as it stands: nothing that a user types has a meaning as a pattern.

As readers of Vietnamese expect (asymmetric search, UTS #10, section 8): a letter without marks is found with any, one
with marks is found with these alone. `chao` finds `chào` and `cháo`; `chào` finds `Chào`, not `chao`. A mark may be
part of its letter's character or follow it, in either text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST = 1000
"""Characters that a pattern may have. (MongoDB takes 32,764, of which each costs time at each message.)"""


class PatternTooLong(ValueError):
    """The text has too many letters to be looked for in all their spellings."""


_MARKS = "\u0300-\u036f"
_WITH_MARKS = {
    "a": "aà-åăạ-ặ",
    "d": "dđ",
    "e": "eè-ëẹ-ệ",
    "i": "iì-ïĩİıỉ-ị",
    "o": "oò-öơọ-ợ",
    "u": "uù-üũưụ-ự",
    "y": "yýÿỳ-ỹ",
}
"""Vietnamese letters, and the usual ones of other languages, by the one that they come from. Ranges hold capitals in
between, which makes no difference; `İ` and `ı` are no capital and small letter to regular expressions."""


def pattern_of(text: str) -> str:
    """Make the pattern that finds a text, for `$regex` with the option `i`. Any run of spaces matches any other.

    Args:
        text: What to find.

    Returns:
        The pattern, at most LONGEST characters.

    Raises:
        PatternTooLong: The pattern would be longer.
    """
    pattern = _pattern(text)
    if len(pattern) > LONGEST:
        raise PatternTooLong("`q` has too many letters with marks: look for less")
    return pattern


def expression_of(text: str) -> re.Pattern[str]:
    """Compile the expression that finds `text` in the same way outside MongoDB."""
    return re.compile(_pattern(text), re.IGNORECASE)


def _pattern(text: str) -> str:
    words = unicodedata.normalize("NFC", text).replace("i\u0307", "İ").split()  # what `İ` is in small letters
    return r"\s+".join("".join(_pattern_of(_small(letter)) for letter in word) for word in words)


def _small(letter: str) -> str:
    """The small letter; `İ` as it is, whose small form is two characters."""
    small = letter.lower()
    return small if len(small) == 1 else letter


def _pattern_of(letter: str) -> str:
    if letter in _WITH_MARKS:
        return f"[{_WITH_MARKS[letter]}][{_MARKS}]*"
    spellings = list(_spellings(letter))
    if len(spellings) == 1:
        return re.escape(letter)
    return f"(?:{'|'.join(map(re.escape, spellings))})(?![{_MARKS}])"


def _spellings(letter: str) -> Iterator[str]:
    """The letter as one character, and with its marks after it, one by one: `ế`, `ê` and an acute, `e` and both."""
    yield letter
    first, marks = letter, ""
    while (parts := unicodedata.decomposition(first)) and not parts.startswith("<"):
        characters = [chr(int(part, 16)) for part in parts.split()]
        first, marks = characters[0], "".join(characters[1:]) + marks
        yield first + marks
