"""Offsets: the text, sent with each event, that says how far a client has come in the stream of all processes.

A process delivers what others emit when it reads it in the stream, and what it emits itself at once. So an offset is
the entry that was read last, and, while the process's own emissions are on their way to the stream, the number of the
last one: `<ms>-<n>.<messages>.<origin>:<number>`.
"""

from __future__ import annotations

import re
from typing import NamedTuple, TypeAlias

ORIGIN_LENGTH = 8
"""Characters of a node's id that stand for it in offsets."""

ALL = 9_999
"""More messages than an entry has."""

# An offset comes back from a client, which may send anything.
_LONGEST = 1_000  # characters
_FORM = re.compile(r"(\d{1,16})-(\d{1,16})\.(\d{1,9})((?:\.[\w-]+:\d{1,16})*)", re.ASCII)

EntryId: TypeAlias = tuple[int, int]
"""The id of a stream's entry: the Unix time (ms) at which it was added, and its number in that millisecond."""


class Mark(NamedTuple):
    """Where an emission stands: its number at its origin (0: it is not kept), and, where it was read in the stream, its
    entry and which message of the entry it is, from 1.
    """

    origin: str
    number: int
    entry: EntryId | None = None
    taken: int = 0


class Position(NamedTuple):
    """How far a client or a node has come: `taken` messages of `entry`, all that the stream has before it, and, beyond
    that, the emissions of some origins up to `numbers`.
    """

    entry: EntryId
    taken: int
    numbers: dict[str, int]

    def __str__(self) -> str:
        """The offset. It needs no escaping in JSON."""
        (milliseconds, number), numbers = self.entry, self.numbers.items()
        return f"{milliseconds}-{number}.{self.taken}" + "".join([f".{origin}:{last}" for origin, last in numbers])

    def includes(self, mark: Mark) -> bool:
        """Whether an emission is one of those up to here."""
        if not mark.number:
            return False
        read = mark.entry is not None and (mark.entry, mark.taken) <= (self.entry, self.taken)
        return read or mark.number <= self.numbers.get(mark.origin, 0)

    def after(self, mark: Mark) -> Position:
        """The position behind an emission that is not included."""
        if mark.entry is not None:
            return Position(mark.entry, mark.taken, self.numbers)
        return self if not mark.number else self._replace(numbers={**self.numbers, mark.origin: mark.number})

    def without(self, origin: str) -> Position:
        """The same without the number of an origin."""
        return self._replace(numbers={other: last for other, last in self.numbers.items() if other != origin})

    def beside(self, other: Position) -> Position:
        """The further of both, with the numbers of both."""
        return max(self, other, key=lambda each: each[:2])._replace(numbers=later(self.numbers, other.numbers))


def read(text: object) -> Position | None:
    """What an offset says; None for what is none."""
    if not isinstance(text, str) or len(text) > _LONGEST or not (match := _FORM.fullmatch(text)):
        return None
    milliseconds, number, taken, numbers = match.groups()
    pairs = (pair.split(":") for pair in numbers.split(".")[1:])
    return Position((int(milliseconds), int(number)), int(taken), {origin: int(last) for origin, last in pairs})


def later(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """The further of both numbers for each origin."""
    return {**one, **{origin: number for origin, number in other.items() if number > one.get(origin, 0)}}
