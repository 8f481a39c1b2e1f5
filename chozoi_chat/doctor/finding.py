"""What the doctor finds: how serious it is, what is so, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


class Level(IntEnum):
    """How serious a finding is."""

    OK = 0
    """As it should be."""
    NOTE = 1
    """Nothing to mend, but to know: something could not be looked at, or is unusual."""
    WARNING = 2
    """It works now, and will not in some case that happens in production."""
    ERROR = 3
    """Something does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: How serious it is.
        what: What is so, as a sentence without its full stop.
        mend: What to do about it; "" where there is nothing to do.
    """

    level: Level
    what: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as `doctor --json` prints it."""
        return asdict(self) | {"level": self.level.name.lower()}


Look = Callable[[], Iterator[Finding]]


def ok(what: str) -> Finding:
    """Make a finding of something that is as it should be."""
    return Finding(Level.OK, what)


def note(what: str, mend: str = "") -> Finding:
    """Make a finding of something to know."""
    return Finding(Level.NOTE, what, mend)


def warning(what: str, mend: str) -> Finding:
    """Make a finding of something that will fail in some case."""
    return Finding(Level.WARNING, what, mend)


def error(what: str, mend: str) -> Finding:
    """Make a finding of something that does not work."""
    return Finding(Level.ERROR, what, mend)
