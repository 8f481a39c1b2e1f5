"""When an endpoint is tried: by many at once while it takes events, by one and ever later while it does not."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two attempts; longer only where the endpoint asks for it by `Retry-After`."""
LONGEST_RETRY_AFTER = 3600.0
"""Seconds that `Retry-After` is obeyed for."""


def pause_after(failures: int) -> float:
    """Seconds until the next attempt: FIRST_PAUSE or a part of it, then twice as many each time, up to LONGEST_PAUSE.

    Args:
        failures: How many attempts have failed in a row, 1 or more.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
    return float(longest * random.uniform(0.5, 1.0))  # no secret  # noqa: S311


class Gate:
    """Lets attempts to deliver to one endpoint through. It belongs to one event loop.

    Args:
        concurrency: Attempts at a time.
    """

    def __init__(self, concurrency: int) -> None:
        self._places = asyncio.Semaphore(concurrency)
        self._alone = asyncio.Lock()
        self._failures = 0
        self._failed_at = float("-inf")
        self._next_at = 0.0
        self._succeeded_at = float("-inf")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it during the block. The block notes how the attempt ended."""
        async with self._places:
            if not self._failures:
                yield
                return
            async with self._alone:
                if self._failures:
                    await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
                yield

    def succeeded(self) -> None:
        """Note that the endpoint took an event."""
        self._failures = 0
        self._succeeded_at = time.monotonic()

    def failed(self, began: float, retry_after: float) -> None:
        """Note that the endpoint took none.

        Args:
            began: When the attempt began, by `time.monotonic()`. Those that fail together count once.
            retry_after: Seconds for which it asks not to be tried; 0: it does not ask.
        """
        now = time.monotonic()
        if began > self._failed_at:
            self._failures += 1
            self._failed_at = now
            self._next_at = now + pause_after(self._failures)
        self._next_at = max(self._next_at, now + min(retry_after, LONGEST_RETRY_AFTER))

    def passed_over(self, since: float) -> float:
        """For how long an event that failed again was refused while its endpoint took others.

        Args:
            since: When it failed before, by `time.monotonic()`.

        Returns:
            Seconds: 0 where the endpoint has taken nothing since; LONGEST_PAUSE at most, since more than that is an
            outage, which says nothing of the event.
        """
        return min(time.monotonic() - since, LONGEST_PAUSE) if self._succeeded_at > since else 0.0
