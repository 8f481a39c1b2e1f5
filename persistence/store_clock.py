"""MongoDB's time, as a process knows it without asking each time: what is "since when" for all processes alike."""

from __future__ import annotations

import datetime
import time

from django.db import connection

from persistence.timestamps import from_store

FRESH = 10.0
"""Seconds for which one answer of MongoDB's serves: clocks do not drift apart in them."""


class StoreClock:
    """The time of the primary that this process writes to, or of the mongos. Safe to share between threads."""

    def __init__(self) -> None:
        self._measured: tuple[float, datetime.datetime] | None = None

    def at(self, instant: float) -> datetime.datetime:
        """Return MongoDB's time at an instant of this process; for the store's threads.

        Args:
            instant: As `time.monotonic()` has told it. The clock that people set plays no part.

        Returns:
            The time, or one that is earlier by what an answer takes on its way.
        """
        measured = self._measured
        if measured is None or time.monotonic() - measured[0] > FRESH:
            client = connection.database.client  # type: ignore[attr-defined]  # the backend's own
            store_time = from_store(client.admin.command("hello")["localTime"])
            measured = self._measured = (time.monotonic(), store_time)
        measured_at, store_time = measured
        return store_time + datetime.timedelta(seconds=instant - measured_at)


store_clock = StoreClock()
"""The process's own."""
