"""How often one user, and one address, may call: counted in Redis, so that all processes count together.

A window of fixed length begins at each multiple of it; what is counted in a window is forgotten with it. A Redis that
does not answer lets calls pass: a limit that is not kept for a while does less harm than a door that is shut.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from typing import NamedTuple

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from conversations.api.authentication import caller_of
from conversations.redis_client import REDIS_AWAY, redis

logger = logging.getLogger(__name__)

PREFIX = "chozoi:rate:"
"""What the keys in Redis begin with."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Rate(NamedTuple):
    """So many calls in so many seconds."""

    calls: int
    seconds: int

    @classmethod
    def read(cls, text: str) -> Rate | None:
        """`600/m`: calls in a second, minute, hour or day (s, m, h, d); `0`: no limit. ValueError: neither."""
        if text == "0":
            return None
        found = re.fullmatch(r"([1-9]\d{0,8})/([smhd])", text)
        if found is None:
            raise ValueError(f"{text!r} is no rate: it must be like 600/m (s, m, h or d), or 0 for no limit")
        return cls(int(found[1]), _SECONDS[found[2]])


class _Throttle(BaseThrottle):
    """Counts the calls of one kind of caller."""

    kind: str
    setting: str

    def __init__(self) -> None:
        self._wait = 0.0

    def caller(self, request: Request) -> str | None:
        """Whom the call counts for; `None`: nobody."""
        raise NotImplementedError

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the call; whether it is within the rate."""
        rate, caller = Rate.read(getattr(settings, self.setting)), self.caller(request)
        if rate is None or caller is None:
            return True
        now = time.time()
        window = int(now // rate.seconds)
        try:
            calls = _count(f"{PREFIX}{self.kind}:{_short(caller)}:{rate.seconds}:{window}", rate.seconds)
        except REDIS_AWAY as error:
            logger.warning("calls are not limited, Redis does not answer: %r", error)
            return True
        self._wait = (window + 1) * rate.seconds - now
        return calls <= rate.calls

    def wait(self) -> float:
        """Seconds until the next window."""
        return self._wait


def _count(key: str, seconds: int) -> int:
    """Count one more, to be forgotten so many seconds later; how many that makes."""
    with redis().pipeline(transaction=False) as pipeline:
        pipeline.incr(key)
        pipeline.expire(key, seconds + 1)
        calls: int = pipeline.execute()[0]
    return calls


def _short(caller: str) -> str:
    """The caller as a part of a key: ids may be long, or hold what keys must not."""
    return hashlib.blake2b(caller.encode(errors="replace"), digest_size=16).hexdigest()


class UserThrottle(_Throttle):
    """API_RATE_USER, for each user."""

    kind = "user"
    setting = "API_RATE_USER"

    def caller(self, request: Request) -> str | None:
        """The user's id."""
        caller = caller_of(request)
        return None if caller is None else caller.user_id


class UploadThrottle(UserThrottle):
    """API_RATE_UPLOADS, for each user."""

    kind = "uploads"
    setting = "API_RATE_UPLOADS"


class SearchThrottle(UserThrottle):
    """API_RATE_SEARCHES, for each user."""

    kind = "searches"
    setting = "API_RATE_SEARCHES"


class AddressThrottle(_Throttle):
    """API_RATE_ADDRESS, for each address. Behind a proxy the server finds it (docs/configuration.md)."""

    kind = "address"
    setting = "API_RATE_ADDRESS"

    def caller(self, request: Request) -> str | None:
        """The address that the connection came from; none on a Unix socket."""
        return request.META.get("REMOTE_ADDR") or None
