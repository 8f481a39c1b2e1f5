"""Offsets: the text, sent with each event, that says how far a client has come in what all processes emitted.

Each process numbers its emissions, and they reach every node in order; so what a node has delivered is one number for
each process that emits. An offset is these numbers, with the time at which they held: `<ms>.<origin>:<number>.…`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping

ORIGIN_LENGTH = 8
"""Characters of a node's id that stand for it in offsets."""

# An offset comes back from a client, which may send anything.
_LONGEST = 10_000  # characters
_FORM = re.compile(r"\d{1,16}(\.[\w-]+:\d{1,16})*", re.ASCII)

Position = tuple[int, dict[str, int]]
"""What an offset says: a Unix time in ms, and numbers by origin."""


def write(milliseconds: int, numbers: Mapping[str, int]) -> str:
    """The offset at a Unix time. It needs no escaping in JSON."""
    return ".".join([str(milliseconds), *[f"{origin}:{number}" for origin, number in numbers.items()]])


def read(text: object) -> Position | None:
    """What an offset says; None for what is none."""
    if not isinstance(text, str) or len(text) > _LONGEST or not _FORM.fullmatch(text):
        return None
    time, *entries = text.split(".")
    pairs = (entry.split(":") for entry in entries)
    return int(time), {origin: int(number) for origin, number in pairs}


def later(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """The further of both numbers for each origin."""
    return {**one, **{origin: number for origin, number in other.items() if number > one.get(origin, 0)}}


class Progress:
    """How far a node is: the last emission of each process that was delivered here.

    `listening`: whether there are others to listen to. What a node hears from them may lag behind; how much, it knows
    by its own envelopes, which come back to it with all that others sent before.
    """

    def __init__(self, *, listening: bool) -> None:
        self._listening = listening
        self._heard: dict[str, int] = {}
        self._heard_at: dict[str, float] = {}  # Unix time
        self._entries: dict[str, str] = {}  # as offsets write them
        self._up_to = time.time()

    def hear(self, origin: str, number: int, at: float | None = None) -> None:
        """Note that an emission is delivered here now, or was (Unix time)."""
        if number > self._heard.get(origin, 0):
            self._heard[origin] = number
            self._heard_at[origin] = time.time() if at is None else at
            self._entries[origin] = f"{origin}:{number}"

    def heard_all_until(self, moment: float) -> None:
        """Note that all that others sent before a Unix time was delivered here."""
        self._up_to = max(moment, self._up_to)

    @property
    def milliseconds(self) -> int:
        """The Unix time (ms) up to which this node has heard everything."""
        return int((self._up_to if self._listening else time.time()) * 1000)

    def offset(self) -> str:
        """How far this node is now."""
        return ".".join([str(self.milliseconds), *self._entries.values()])

    def beside(self, numbers: Mapping[str, int]) -> str:
        """The offset of a client that was brought as far as `numbers` and, since, as far as this node is."""
        return write(self.milliseconds, later(numbers, self._heard))

    def since(self, moment: float) -> dict[str, int]:
        """The numbers of the processes that were heard of since a Unix time."""
        return {origin: number for origin, number in self._heard.items() if self._heard_at[origin] >= moment}

    def includes(self, numbers: Mapping[str, int]) -> bool:
        """Whether this node is as far as `numbers` say."""
        return all(self._heard.get(origin, 0) >= number for origin, number in numbers.items())

    def forget(self, before: float, *, but: Collection[str]) -> None:
        """Drop the processes that were not heard of since a Unix time; offsets would grow with each that ever was."""
        for origin, heard_at in list(self._heard_at.items()):
            if heard_at < before and origin not in but:
                del self._heard[origin], self._heard_at[origin], self._entries[origin]
