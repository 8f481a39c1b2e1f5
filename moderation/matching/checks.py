"""Checks before a filter is saved: patterns that match nothing or everything, or cost too much, are refused."""

from __future__ import annotations

from moderation.matching.expressions import UnsafeExpression, compiled
from moderation.matching.filters import FilterDefinition, FilterKind, lines_of
from moderation.matching.links import AllowedHosts, host_name
from moderation.matching.words import phrase_words

MOST_PATTERNS = 2000
LONGEST_PHRASE = 200
LONGEST_WINDOW = 86_400
"""Seconds of a flood: a day."""


def problems_of(message_filter: FilterDefinition) -> dict[str, list[str]]:
    """Find what is wrong with a filter.

    Returns:
        The problems by field; empty: the filter can be saved.
    """
    if message_filter.kind == FilterKind.FLOOD:
        return _flood(message_filter)
    lines = lines_of(message_filter.patterns)
    if not lines:
        return {"patterns": ["there is none: write at least one, one a line"]}
    if len(lines) > MOST_PATTERNS:
        return {"patterns": [f"there are {len(lines)}: a filter has at most {MOST_PATTERNS}"]}
    check = {FilterKind.WORDS: _word, FilterKind.REGEX: _expression, FilterKind.LINKS: _host}[
        FilterKind(message_filter.kind)
    ]
    problems = [
        f"line {number}, {line[:60]!r}: {problem}" for number, line in enumerate(lines, 1) if (problem := check(line))
    ]
    return {"patterns": problems} if problems else {}


def _word(line: str) -> str | None:
    if len(line) > LONGEST_PHRASE:
        return f"it has {len(line)} characters: a phrase has at most {LONGEST_PHRASE}"
    return None if phrase_words(line) else "it has no letter, number or sign in it"


def _expression(line: str) -> str | None:
    try:
        compiled(line)
    except UnsafeExpression as problem:
        return str(problem)
    return None


def _host(line: str) -> str | None:
    host = host_name(line)
    good = "." in host and not any(letter.isspace() for letter in line) and AllowedHosts([line]).allow(host)
    return None if good else "it must be a host such as example.com"


def _flood(message_filter: FilterDefinition) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    if not message_filter.rooms or message_filter.rooms < 2:
        problems["rooms"] = [
            f"it is {_shown(message_filter.rooms)}: it must be the number of rooms that is too many, from 2"
        ]
    if not message_filter.seconds or message_filter.seconds > LONGEST_WINDOW:
        problems["seconds"] = [f"it is {_shown(message_filter.seconds)}: it must be from 1 to {LONGEST_WINDOW}, a day"]
    return problems


def _shown(number: int | None) -> str:
    return "empty" if number is None else str(number)
