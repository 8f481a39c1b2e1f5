"""Sampling of log lines: of a kind that comes again and again, some lines stand for the rest."""

from __future__ import annotations

import logging
from typing import Any, Final

BURST: Final = 20
"""Lines of a kind that are logged in each PERIOD."""
THEREAFTER: Final = 100
"""Of so many that follow in it, the last one is logged."""
PERIOD: Final = 60.0
"""Seconds."""
KINDS: Final = 1000
"""Kinds that are remembered."""


class Repeats(logging.Filter):
    """Lets through BURST lines of a kind a PERIOD, then one of THEREAFTER, with the number of those left out before it.

    A kind is a logger, a level, a message before its values are put in, and the class of an exception. So a flood
    of one thing leaves the log, and the disk, to all others. Never left out are DEBUG lines, and those logged with
    `extra={"sampled": False}`: each of these is the only record of something, such as an event that was given up.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[Any, list[float]] = {}  # by kind: when the period began, lines in it, lines left out

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record may be logged. One that stands for others gets their number as `repeats`."""
        if record.levelno <= logging.DEBUG or not getattr(record, "sampled", True):
            return True
        kind = self._kinds.get(key := _kind(record))
        if kind is None:
            if len(self._kinds) >= KINDS:
                self._kinds.clear()
            kind = self._kinds[key] = [record.created, 0, 0]
        if record.created - kind[0] >= PERIOD:
            kind[0], kind[1] = record.created, 0
        kind[1] += 1
        if kind[1] > BURST and (kind[1] - BURST) % THEREAFTER:
            kind[2] += 1
            return False
        if kind[2]:
            _note(record, int(kind[2]))
            kind[2] = 0
        return True


def _kind(record: logging.LogRecord) -> tuple[Any, ...]:
    message = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
    return record.name, record.levelno, str(message), record.exc_info and record.exc_info[0]


def _note(record: logging.LogRecord, repeats: int) -> None:
    if isinstance(record.msg, dict):  # structlog's
        record.msg = {**record.msg, "repeats": repeats}
    else:
        record.repeats = repeats
