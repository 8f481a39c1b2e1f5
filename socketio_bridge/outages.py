"""Whether what lies between processes answers: the one place in a process that logs when an outage begins and ends.

Many parts of a process notice the same outage: who publishes, who listens, who counts. Each says so here and logs no
warning of its own.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

logger = logging.getLogger(__name__)

SETTLED: Final = 5.0
"""Seconds for which all is to answer before an outage is over: short cuts one after the other are one outage."""


class Outage:
    """An outage of Redis, or of what else carries the channel layer, as the parts of a process notice it.

    The first part that finds it away makes an error in the log, and there is a warning when all have been answered for
    SETTLED seconds. That others notice it, too, is logged as information. Safe to share between threads.

    Args:
        settled: SETTLED, or what a test has instead.
    """

    def __init__(self, settled: float = SETTLED) -> None:
        self._settled = settled
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._began: tuple[str, float] | None = None  # which part noticed it first, and when
        self._answered_at = 0.0
        self._interruptions = 0
        self._end: threading.Timer | None = None

    @property
    def ongoing(self) -> bool:
        """Whether it is away, or was within the last SETTLED seconds."""
        return self._began is not None

    def failed(self, part: str, error: BaseException) -> None:
        """Note that a part of this process was not answered.

        Args:
            part: What was not reached and, where there are several, for what. It begins the sentence in the log.
            error: What the part met.
        """
        with self._lock:
            if part in self._failing:
                return
            self._interruptions += not self._failing
            self._failing.add(part)
            if self._end is not None:
                self._end.cancel()
                self._end = None
            begins = self._began is None
            if begins:
                self._began = part, time.monotonic()
        logger.log(logging.ERROR if begins else logging.INFO, "%s is out of reach: %r", part, error)

    def answered(self, part: str) -> None:
        """Note that a part was answered, or ends and asks no more."""
        if part not in self._failing:
            return
        with self._lock:
            self._failing.discard(part)
            if self._failing:
                return
            self._answered_at = time.monotonic()
            self._end = threading.Timer(self._settled, self._is_over)
            self._end.daemon = True
            self._end.start()

    def _is_over(self) -> None:
        with self._lock:
            if self._failing or self._began is None:
                return
            (part, since), self._began = self._began, None
            interruptions, self._interruptions = self._interruptions, 0
        times = "" if interruptions == 1 else f" It was out of reach {interruptions} times."
        logger.warning("%s is back after %.1f s.%s", part, self._answered_at - since, times)


OUTAGE: Final = Outage()
"""That of the process."""
