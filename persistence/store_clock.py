"""MongoDB's time, as a process knows it without asking each time: one clock for all, however theirs are set."""

from __future__ import annotations

import datetime
import logging
import time

from persistence.database import connection
from persistence.timestamps import from_store, to_milliseconds

logger = logging.getLogger(__name__)

FRESH = 10.0
"""Seconds for which one answer of MongoDB's serves: clocks do not drift noticeably in them."""
LARGEST_SKEW = 5.0
"""Seconds that this machine's clock may differ from MongoDB's before the log says so."""


class StoreClock:
    """The time of the primary that this process writes to, or of the mongos. Safe to share between threads.

    Attributes:
        skew: Seconds that this machine's clock was ahead of MongoDB's when that was asked; negative: behind.
    """

    def __init__(self) -> None:
        self._measured: tuple[float, datetime.datetime] | None = None
        self.skew = 0.0

    def at(self, instant: float) -> datetime.datetime:
        """Return MongoDB's time at an instant of this process; for the store's threads.

        Args:
            instant: As `time.monotonic()` gives it. The clock that people set plays no part.

        Returns:
            The time, or one that is earlier by what an answer takes on its way.
        """
        measured_at, store_time = self._measurement()
        return store_time + datetime.timedelta(seconds=instant - measured_at)

    def keep(self) -> None:
        """Ask MongoDB for its time, unless it was asked a moment ago; for the store's threads."""
        self._measurement()

    def milliseconds(self) -> int:
        """Return MongoDB's time now, in milliseconds since 1970, without asking; this machine's before it was asked."""
        if self._measured is None:
            return time.time_ns() // 1_000_000
        measured_at, store_time = self._measured
        return to_milliseconds(store_time) + int((time.monotonic() - measured_at) * 1000)

    @property
    def limitation(self) -> str | None:
        """What is wrong with this machine's clock, as a sentence; None: nothing."""
        if abs(self.skew) <= LARGEST_SKEW:
            return None
        side = "ahead of" if self.skew > 0 else "behind"
        return f"the clock of this machine is {abs(self.skew):.0f} s {side} MongoDB's, whose time messages get"

    def _measurement(self) -> tuple[float, datetime.datetime]:
        measured = self._measured
        if measured is None or time.monotonic() - measured[0] > FRESH:
            client = connection.database.client  # type: ignore[attr-defined]  # the backend's own
            asked_at = time.time()
            store_time = from_store(client.admin.command("hello")["localTime"])
            measured = self._measured = (time.monotonic(), store_time)
            self._compare(asked_at, store_time.timestamp(), time.time())
        return measured

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
