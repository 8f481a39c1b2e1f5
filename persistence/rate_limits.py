"""Rate limits for all processes together: so many calls in so much time, for one user or one address.

`wait_for_turn` counts in Redis: for costly events, and for REST. Frequent events are counted in this process, by
`socketio_bridge.rates`. While Redis is away nothing is limited: a missing limit does less harm for a while than
refusing everybody.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import time
from functools import lru_cache

from persistence.redis_client import REDIS_AWAY, count, in_redis_thread, say_away
from socketio_bridge.rates import Rate

logger = logging.getLogger(__name__)

PREFIX = "chozoi:rate:"
"""What the keys in Redis begin with."""


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
