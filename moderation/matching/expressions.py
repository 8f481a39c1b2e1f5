"""Regular expressions, matched by RE2 in time linear in the text, whatever the expression."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import re2

logger = logging.getLogger(__name__)

Owner = TypeVar("Owner", bound=Hashable)

LONGEST = 1000
"""Characters of one expression."""
_MEMORY = 4 << 20
_MEMORY_OF_ALL = 64 << 20
"""Bytes that one compiled expression, or all of them as one, may take."""


class UnsafeExpression(ValueError):
    """The expression is refused; the message says why."""


def compiled(expression: str) -> Any:
    """Compile an expression for normalized texts, ignoring case.

    Args:
        expression: In RE2's syntax, of LONGEST characters at most. A letter's marks may follow it.

    Raises:
        UnsafeExpression: It is too long, not in RE2's syntax (which has no backreferences and no look-around), takes
            too much memory, or matches the empty text, which is in every message.
    """
    if len(expression) > LONGEST:
        raise UnsafeExpression(f"it has {len(expression)} characters: at most {LONGEST} are allowed")
    try:
        pattern = re2.compile(unicodedata.normalize("NFC", expression), _options(_MEMORY))
    except re2.error as error:
        reason = error.args[0] if error.args else error
        raise UnsafeExpression(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None
    if pattern.search(""):
        raise UnsafeExpression("it matches the empty text, and so every message")
    return pattern


class Expressions(Generic[Owner]):
    """Expressions with their owners. Those that cannot be compiled are logged and left out.

    Args:
        expressions: Each expression and its owner.
    """

    def __init__(self, expressions: Iterable[tuple[str, Owner]]) -> None:
        self._each: list[tuple[Any, Owner]] = []
        usable: list[str] = []
        for expression, owner in expressions:
            try:
                self._each.append((compiled(expression), owner))
            except UnsafeExpression as problem:
                logger.error("the regular expression %r of filter %s is not used: %s", expression, owner, problem)
            else:
                usable.append(unicodedata.normalize("NFC", expression))
        self._any = _one_of(usable)

    def find(self, text: str) -> Iterator[tuple[Owner, str]]:
        """Yield the owner and the matched part of each match in a normalized text.

        Most texts match none, which one pass over the text decides.
        """
        if not self._each or (self._any is not None and not self._any.search(text)):
            return
        for pattern, owner in self._each:
            if match := pattern.search(text):
                yield owner, match.group()


def _one_of(expressions: list[str]) -> Any | None:
    """All expressions as one alternation; None: it would be too large, or one cannot be part of it."""
    if len(expressions) < 2:
        return None
    try:
        return re2.compile("|".join(f"(?:{expression})" for expression in expressions), _options(_MEMORY_OF_ALL))
    except re2.error:
        return None


def _options(memory: int) -> re2.Options:
    options = re2.Options()
    options.max_mem = memory
    options.case_sensitive = False
    options.log_errors = False
    return options
