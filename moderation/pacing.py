"""What is counted over time, in Redis: how soon a side writes again, and into how many rooms the same text goes.

While Redis is away nothing is counted, and nothing refused for it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import time
from collections.abc import Sequence

from redis.asyncio import Redis

from conversations.errors import RuleViolation
from conversations.group_commit import GroupCommit, TooMuchWaiting
from conversations.per_loop import PerLoop
from conversations.writer import Draft, dedup_key
from moderation.errors import Code
from moderation.matching.filters import Flood, Found
from moderation.matching.text import normalized
from moderation.redis_client import REDIS_AWAY, connect

logger = logging.getLogger(__name__)

_PREFIX = "chozoi:moderation:"


class Pacing:
    """The counting of one event loop. Use `pacing()`."""

    def __init__(self) -> None:
        self._redis: Redis | None = None
        self._counts: GroupCommit[tuple[Draft, tuple[Flood, ...]], list[Found]] = GroupCommit(self._count)

    async def take_turn(self, draft: Draft, interval: int) -> None:
        """Take this side's turn to write, for so many seconds. A repeat of the message that took it has it already.

        RuleViolation `slow_mode`: the turn is taken.
        """
        key = f"{_PREFIX}turn:{interval}:{draft.room_id}:{draft.sender}"
        mine = (dedup_key(draft) or secrets.token_hex(16)).encode()
        try:
            async with self._client().pipeline(transaction=True) as pipeline:
                pipeline.set(key, mine, px=interval * 1000, nx=True)
                pipeline.get(key)
                pipeline.pttl(key)
                _, holder, left = await pipeline.execute()
        except REDIS_AWAY as error:
            logger.warning("slow mode of room %s is not kept, Redis is away: %s", draft.room_id, error)
            return
        if holder not in (mine, None):
            raise RuleViolation(
                Code.SLOW_MODE,
                f"room {draft.room_id!r} is in slow mode, one message every {interval} s: "
                f"try again in {max(1, math.ceil(left / 1000))} s",
            )

    async def count_rooms(self, draft: Draft, floods: tuple[Flood, ...]) -> list[Found]:
        """Note that this text goes into this room; which floods it is part of now.

        Asked for many messages at once and in their order, so that none overtakes another.
        """
        try:
            return await self._counts.submit((draft, floods))
        except TooMuchWaiting:
            return []

    async def close(self) -> None:
        """Close the connection to Redis."""
        await self._counts.close()
        if self._redis is not None:
            await self._redis.aclose()

    async def _count(self, sent: Sequence[tuple[Draft, tuple[Flood, ...]]]) -> Sequence[list[Found]]:
        now = time.time()
        try:
            async with self._client().pipeline(transaction=False) as pipeline:
                for draft, floods in sent:
                    for flood in floods:
                        key = _flood_key(draft, flood)
                        pipeline.zadd(key, {draft.room_id: now})
                        pipeline.zremrangebyscore(key, "-inf", now - flood.seconds)
                        pipeline.expire(key, flood.seconds)
                        pipeline.zcard(key)
                counts = iter((await pipeline.execute())[3::4])
        except REDIS_AWAY as error:
            logger.warning("floods are not noticed, Redis is away: %s", error)
            return [[] for _ in sent]
        return [
            [
                Found(flood.filter_name, flood.action, f"{rooms} rooms")
                for flood in floods
                if (rooms := next(counts)) >= flood.rooms
            ]
            for _, floods in sent
        ]

    def _client(self) -> Redis:
        if self._redis is None:
            self._redis = connect()
        return self._redis


def _flood_key(draft: Draft, flood: Flood) -> str:
    text = " ".join(normalized(draft.content).casefold().split())
    digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return f"{_PREFIX}flood:{flood.filter_name}:{draft.sender}:{digest}"


_of_loops: PerLoop[Pacing] = PerLoop(Pacing)


def pacing() -> Pacing:
    """The running loop's."""
    return _of_loops.get()


async def close_pacing() -> None:
    """For the end of an event loop."""
    if (kept := _of_loops.forget()) is not None:
        await kept.close()
