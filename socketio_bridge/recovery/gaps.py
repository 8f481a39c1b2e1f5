"""Whether a node has read from the stream all that the others have told."""

from __future__ import annotations

import time
from typing import NamedTuple

from socketio_bridge.recovery.store import Entry

_REMEMBERED = 3600.0  # seconds for which a node that is silent may come back and go on with its numbers


class _Last(NamedTuple):
    """A node's entry that was read last: the number of its last message, and its instant by the clock of Redis."""

    number: int
    at: float


class Gaps:
    """Finds numbers that are missing: trimmed, lost by Redis, or given up by the node that told them."""

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}
        self._ahead: float | None = None  # of the clock of Redis this process's is; the least seen has the least delay

    def missed_before(self, entry: Entry, messages: int) -> float | None:
        """Note an entry.

        Args:
            entry: The entry that follows those noted before.
            messages: How many messages it has.

        Returns:
            Where something is missing before it: the instant of `time.monotonic()` after which that was told.
        """
        now, at = time.monotonic(), entry.id[0] / 1000
        self._ahead = now - at if self._ahead is None else min(self._ahead, now - at)
        before = self._last.get(entry.origin)
        self._last[entry.origin] = _Last(entry.number, at)
        if before is None:
            self._last = {origin: last for origin, last in self._last.items() if last.at > at - _REMEMBERED}
        if before is None or entry.number - messages <= before.number:
            return None
        return self._ahead + min(before.at, at - entry.gap)
