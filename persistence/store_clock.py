"""MongoDB's time, as a process knows it without asking each time: one clock for all, however theirs are set."""

from __future__ import annotations

import datetime
import logging
import math
import time
from collections.abc import Callable

from persistence.database import connection
from persistence.timestamps import from_store

logger = logging.getLogger(__name__)

FRESH = 10.0
"""Seconds for which one answer of MongoDB's serves: clocks do not drift noticeably in them."""
LARGEST_SKEW = 5.0
"""Seconds that this machine's clock may differ from MongoDB's before the log says so."""
_DRIFT = 500e-6  # seconds in a second: the most by which a clock is slewed to be set right
_RESOLUTION = 0.001  # seconds, of the time that MongoDB tells


class StoreClock:
    """The time of the primary that this process writes to, or of the mongos. Safe to share between threads.

    An answer bounds how far MongoDB's clock is ahead of this process': it was read between the question and the answer.
    The bounds of all answers together hold (K. Marzullo's algorithm, as of NTP), so that the quickest one counts and a
    busy moment makes nothing worse. An answer that contradicts them is of a clock that was set, or of another primary:
    it begins anew.

    Args:
        clock: Gives seconds that never go back.

    Attributes:
        skew: Seconds that this machine's clock was ahead of MongoDB's when that was asked; negative: behind.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # When the last answer came, and how far MongoDB's clock is ahead at least and at most.
        self._bounds = -math.inf, -math.inf, math.inf
        self.skew = 0.0

    def at(self, instant: float) -> datetime.datetime:
        """Return MongoDB's time at an instant of this process; for the store's threads.

        Args:
            instant: As `time.monotonic()` gives it. The clock that people set plays no part.

        Returns:
            The time, or one that is earlier by what the quickest of the last answers took on its way; never a later
            one.
        """
        return datetime.datetime.fromtimestamp(self._ahead() + instant, datetime.UTC)

    def known_at(self, instant: float) -> datetime.datetime | None:
        """Return what `at` does, without asking MongoDB; None: it was not asked lately. For any thread.

        Args:
            instant: As of `at`.
        """
        answered_at, ahead, _ = self._bounds
        if self._clock() - answered_at > FRESH:
            return None
        return datetime.datetime.fromtimestamp(ahead + instant, datetime.UTC)

    def keep(self) -> None:
        """Ask MongoDB for its time, unless it was asked a moment ago; for the store's threads."""
        self._ahead()

    def milliseconds(self) -> int:
        """Return MongoDB's time now, in milliseconds since 1970, without asking; this machine's before it was asked."""
        if self._bounds[0] == -math.inf:
            return time.time_ns() // 1_000_000
        return int((self._bounds[1] + self._clock()) * 1000)

    @property
    def limitation(self) -> str | None:
        """What is wrong with this machine's clock, as a sentence; None: nothing."""
        if abs(self.skew) <= LARGEST_SKEW:
            return None
        side = "ahead of" if self.skew > 0 else "behind"
        return f"the clock of this machine is {abs(self.skew):.0f} s {side} MongoDB's, whose time messages get"

    def answered(self, asked_at: float, store_time: float, answered_at: float) -> None:
        """Take an answer into account.

        Args:
            asked_at: When MongoDB was asked, by `time.monotonic()`.
            store_time: The time that it told, in seconds since 1970.
            answered_at: When the answer had come, by `time.monotonic()`.
        """
        least, most = store_time - answered_at, store_time + _RESOLUTION - asked_at
        last_at, known_least, known_most = self._bounds
        drift = _DRIFT * (answered_at - last_at)
        if known_least - drift <= most and least <= known_most + drift:
            least, most = max(least, known_least - drift), min(most, known_most + drift)
        self._bounds = answered_at, least, most

    def _ahead(self) -> float:
        """Seconds by which MongoDB's clock is ahead of `time.monotonic()` at least."""
        if self._clock() - self._bounds[0] > FRESH:
            client = connection.database.client  # type: ignore[attr-defined]  # the backend's own
            asked_at, asked_at_here = self._clock(), time.time()
            store_time = from_store(client.admin.command("hello")["localTime"]).timestamp()
            self.answered(asked_at, store_time, self._clock())
            self._compare(asked_at_here, store_time, time.time())
        return self._bounds[1]

    def _compare(self, asked_at: float, store_time: float, answered_at: float) -> None:
        """Note the skew: none where MongoDB's time lies between the question and the answer."""
        before = self.limitation
        self.skew = max(asked_at - store_time, 0.0) or min(answered_at - store_time, 0.0)
        now = self.limitation
        if now is not None and before is None:
            logger.warning("%s. Tokens expire by this machine's clock: set it right.", now[0].upper() + now[1:])
        elif now is None and before is not None:
            logger.warning("The clock of this machine agrees with MongoDB's again.")


store_clock = StoreClock()
"""The process's own."""
