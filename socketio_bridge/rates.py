"""Rates, such as 10/s, and the token buckets that hold callers to them, in this process."""

from __future__ import annotations

import re
from typing import NamedTuple

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_FEW = 1_000


class Rate(NamedTuple):
    """So many calls in so many seconds.

    Attributes:
        calls: How many calls.
        seconds: The length of the period.
    """

    calls: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> Rate | None:
        """Read a setting.

            assert Rate.read("600/m") == Rate(600, 60)

        Args:
            text: Calls in a second, minute, hour or day (s, m, h, d); "0": no limit.

        Returns:
            The rate; None: there is no limit.

        Raises:
            ValueError: It is neither.
        """
        if text == "0":
            return None
        found = re.fullmatch(r"([1-9]\d{0,8})/([smhd])", text)
        if found is None:
            raise ValueError(f"{text!r} is no rate: it must be like 600/m (s, m, h or d), or 0 for no limit")
        return cls(int(found[1]), _SECONDS[found[2]])


class Buckets:
    """Token buckets of one rate in this process, by key. A full one has as many tokens as the rate has calls.

    A bucket fills evenly. It is one number: the time at which it would be full again (the generic cell rate algorithm,
    ITU-T I.371). Full ones are dropped.

    Args:
        rate: The rate; None: there is no limit.
    """

    def __init__(self, rate: Rate | None) -> None:
        self._full_at: dict[str, float] = {}
        self._most = _FEW
        self.limit(rate)

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Take a token.

        Args:
            key: Whose bucket.
            now: The time, of `time.monotonic`.

        Returns:
            0, or the seconds until there is a token to take.
        """
        if self._interval is None:
            return 0.0
        full_at = self._full_at.get(key, now)
        if full_at < now:
            full_at = now
        full_at += self._interval
        missing = full_at - now - self._seconds
        if missing > 1e-6:
            return missing
        self._full_at[key] = full_at
        if len(self._full_at) > self._most:
            self._forget(now)
        return 0.0

    def give_back(self, key: str) -> None:
        """Return a token to its bucket."""
        if key in self._full_at and self._interval is not None:
            self._full_at[key] -= self._interval

    def empty(self, key: str, now: float) -> None:
        """Take all tokens of a bucket."""
        self._full_at[key] = now + self._seconds

    def limit(self, rate: Rate | None) -> None:
        """Start anew with another rate; None: no limit."""
        self._seconds = 0.0 if rate is None else float(rate.seconds)
        self._interval = None if rate is None else rate.seconds / rate.calls
        self._full_at.clear()

    def _forget(self, now: float) -> None:
        self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        self._most = max(_FEW, 2 * len(self._full_at))
