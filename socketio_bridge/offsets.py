"""Offsets: the text, sent with each event, that says how far a client has come in what all hubs emitted.

Each hub numbers its emissions, and they reach every other hub in order; so what a hub has delivered is one number for
each hub that emits. An offset is these numbers, with the time at which they held: `<ms>.<origin>:<number>.…`.
"""

from __future__ import annotations

from collections.abc import Mapping

ORIGIN_LENGTH = 8
"""Characters of a hub's id that stand for it in offsets."""

NO_HUB = "*"
"""The origin of what processes without a hub emit; its numbers grow, and are not consecutive."""

_LONGEST = 10_000  # characters: an offset comes back from a client, which may send anything


def write(milliseconds: int, numbers: Mapping[str, int]) -> str:
    """The offset at a Unix time. It needs no escaping in JSON."""
    return ".".join([str(milliseconds), *[f"{origin}:{number}" for origin, number in numbers.items()]])


def read(text: object) -> tuple[int, dict[str, int]] | None:
    """The time and the numbers of an offset; None for what is none."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return None
    time, *entries = text.split(".")
    numbers = {}
    try:
        for entry in entries:
            origin, _, number = entry.partition(":")
            numbers[origin] = int(number)
        return int(time), numbers
    except ValueError:
        return None
