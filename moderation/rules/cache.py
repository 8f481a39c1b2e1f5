"""The rules in this process's memory, at most half a second older than the last change that any process made.

Each change of a rule stores a new version in Redis. A process that needs the rules reads the version if its last
reading is older than FRESH, once for all who wait; where the version has changed, it reads the rules from MongoDB.
Nothing runs between messages. Every REREAD seconds the rules are read anyway, for a version that could not be stored.
Without Redis they are read from MongoDB every WITHOUT_REDIS seconds; without both, the last ones stay in force.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextvars import Context

from django.utils import timezone

from conversations.configuration import ChatSettings
from moderation.models import MessageFilter, Restriction
from moderation.rules.rules import Rules
from persistence.availability import StoreUnavailable
from persistence.mongodb import STORE_ERRORS, in_message_thread
from persistence.per_event_loop import PerLoop
from persistence.redis_client import REDIS_AWAY, in_redis_thread, redis, say_away
from socketio_bridge import disconnect_sockets

logger = logging.getLogger(__name__)

FRESH = 0.5
"""Seconds for which a reading of the version holds."""
WITHOUT_REDIS = 3.0
"""Seconds for which rules hold that were read while Redis was away."""
REREAD = 10.0
"""Seconds after which the rules are read although the version is the same. A process may have stored a rule and no new
version: it was killed between the two, or Redis was away at that moment."""
_VERSION_KEY = "chozoi:moderation:rules"


class _Looks:
    """The readings of the version in one event loop: how many were begun, and the one that runs."""

    def __init__(self) -> None:
        self.begun = 0
        self.looking: asyncio.Task[None] | None = None


class RulesCache:
    """The rules of a process. Call `rules_cache()` to get it.

    Attributes:
        rules: The rules as last read.
    """

    def __init__(self) -> None:
        self.rules = Rules()
        self._version: bytes | None = None
        self._read = False
        self._fresh_until = 0.0
        self._reread_at = 0.0
        self._looks = PerLoop(_Looks)

    async def refresh(self, *, just_now: bool = False) -> None:
        """Read the rules anew if they are too old.

        Args:
            just_now: Whether they must be no older than this call; else they may be FRESH seconds old.

        Raises:
            StoreUnavailable: They were never read, and cannot be read now.
        """
        if not just_now and time.monotonic() < self._fresh_until:
            return
        looks = self._looks.get()
        wanted = looks.begun + 1
        while True:
            if looks.looking is None:
                looks.begun += 1
                looks.looking = asyncio.get_running_loop().create_task(self._look(looks), context=Context())
            begun, looking = looks.begun, looks.looking
            await asyncio.shield(looking)
            if not just_now or begun >= wanted:
                return

    async def _look(self, looks: _Looks) -> None:
        version: bytes | None
        try:
            try:
                version, holds = await in_redis_thread(current_version), FRESH
            except REDIS_AWAY as error:
                say_away("moderation's rules are read every few seconds", error)
                version, holds = None, WITHOUT_REDIS
            if version is None or version != self._version or not self._read or time.monotonic() >= self._reread_at:
                await self._load(version)
            self._fresh_until = time.monotonic() + holds
        finally:
            looks.looking = None

    async def _load(self, version: bytes | None) -> None:
        self._reread_at = time.monotonic() + REREAD
        try:
            rules = await in_message_thread(read_rules)
        except (StoreUnavailable, *STORE_ERRORS) as error:
            if not self._read:
                raise
            known = isinstance(error, StoreUnavailable)  # and logged as an outage
            level = logging.INFO if known else logging.ERROR
            logger.log(level, "moderation's rules stay those of before: %s", error, exc_info=not known)
            return
        now = timezone.now()
        newly_banned = rules.banned(now) - self.rules.banned(now) if self._read else set()
        self.rules, self._version, self._read = rules, version, True
        if newly_banned:  # again, for what was out of reach when it was done first
            await disconnect_sockets(to=newly_banned, namespace=ChatSettings.current().MESSENGER_NAMESPACE)


def current_version() -> bytes:
    """Read the version of the rules from Redis. It is b"none was made" before the first change."""
    return redis().get(_VERSION_KEY) or b"none was made"


def read_rules() -> Rules:
    """Read the rules from MongoDB. Runs in a thread of the store."""
    return Rules(Restriction.objects.all().active(timezone.now()), MessageFilter.objects.filter(is_active=True))


of_process = RulesCache()


def rules_cache() -> RulesCache:
    """The rules cache of this process."""
    return of_process


async def rules_changed() -> None:
    """Make every process read the rules anew. Call it after a change of a rule is stored."""
    try:
        await in_redis_thread(_store_version)
    except REDIS_AWAY as error:
        say_away("other processes learn of a change of moderation's rules some seconds late", error)


def _store_version() -> None:
    redis().set(_VERSION_KEY, uuid.uuid4().hex)
