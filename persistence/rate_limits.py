"""Rate limits: so many calls in so much time, for one user or one address.

`Buckets` counts in this process and costs about a microsecond: for frequent events. `wait_for_turn` counts in Redis,
for all processes together: for costly events, and for REST. While Redis is away nothing is limited: a missing limit
does less harm for a while than refusing everybody.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import re
import time
from functools import lru_cache
from typing import NamedTuple

from persistence.redis_client import REDIS_AWAY, count, in_redis_thread, say_away

logger = logging.getLogger(__name__)

PREFIX = "chozoi:rate:"
"""What the keys in Redis begin with."""
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


async def wait_for_turn(kind: str, caller: str, rate: Rate) -> float:
    """Count a call in Redis.

    A window of fixed length begins at each multiple of it; what is counted in a window is forgotten with it.

    Args:
        kind: What is called: each kind is counted by itself.
        caller: Who calls.
        rate: How many calls are within the rate.

    Returns:
        0 where the call is within the rate, else the seconds until one would be.
    """
    window = _Window(kind, caller, rate)
    try:
        return window.wait(await in_redis_thread(window.count))
    except REDIS_AWAY as error:
        return _unlimited(error)


def wait_for_turn_sync(kind: str, caller: str, rate: Rate) -> float:
    """`wait_for_turn` for synchronous code, such as views; its arguments are the same."""
    window = _Window(kind, caller, rate)
    try:
        return window.wait(window.count())
    except REDIS_AWAY as error:
        return _unlimited(error)


class _Window:
    """The window of a caller that runs now."""

    def __init__(self, kind: str, caller: str, rate: Rate) -> None:
        self._rate = rate
        self._now = time.time()
        self._number = int(self._now // rate.seconds)
        self._key = f"{PREFIX}{kind}:{_short(caller)}:{rate.seconds}:{self._number}"

    def count(self) -> int:
        """Count a call. Returns how many there were. Blocks."""
        calls, _ = count(self._key, self._rate.seconds + 1)
        return calls

    def wait(self, calls: int) -> float:
        """Seconds until a call would be within the rate, of which there were so many."""
        return 0.0 if calls <= self._rate.calls else (self._number + 1) * self._rate.seconds - self._now


def _unlimited(error: Exception) -> float:
    say_away("calls are not limited", error)
    return 0.0


def network_of(address: str) -> str:
    """Find whom a limit by address is for: an IPv4 address, or an IPv6 network of /64, which is one subscriber's.

    Args:
        address: An IP address. Other text, such as that of a Unix socket, comes back as it is.

    Returns:
        The address or the network, the same text for each way to write it.
    """
    return address if ":" not in address else _network_of_ipv6(address)


@lru_cache(maxsize=4096)
def _network_of_ipv6(text: str) -> str:
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def _short(caller: str) -> str:
    """The caller as a part of a key: ids may be long, or hold what keys must not."""
    return hashlib.blake2b(caller.encode(errors="replace"), digest_size=16).hexdigest()
