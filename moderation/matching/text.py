"""Texts made comparable: one form for what reads the same."""

from __future__ import annotations

import unicodedata

import re2

_TOKEN = re2.compile(r"[\pL\pM\pN_]+|[^\pL\pM\pN_\pZ\pC]")
"""A word of any script, or one sign."""


def normalized(text: str) -> str:
    """Unicode's NFKC, without characters that are not seen, such as zero-width spaces inside a word."""
    if text.isascii():
        return text
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")


def tokens(text: str) -> list[str]:
    """The words and signs of a normalized text, in small letters; spaces only part them."""
    folded: list[str] = _TOKEN.findall(text.casefold())
    return folded
