"""Rate limits in Redis: slow mode of rooms, and floods of one text.

While Redis is away nothing is counted, and nothing is refused.
"""

from __future__ import annotations

import hashlib
import logging
import math
import secrets
import time
from collections.abc import Sequence

from conversations.errors import TooSoon
from conversations.requests import Draft
from conversations.signals import limit_reached
from moderation.errors import Code
from moderation.matching.filters import Flood, Found
from moderation.matching.text import normalized
from persistence.batching import GroupCommit, NotTaken
from persistence.per_event_loop import PerLoop
from persistence.redis_client import REDIS_AWAY, in_redis_thread, redis, say_away

logger = logging.getLogger(__name__)

_PREFIX = "chozoi:moderation:"


async def check_slow_mode(draft: Draft, interval: int) -> None:
    """Take a side's turn to write in a room in slow mode. A message sent twice takes one turn.

    Args:
        draft: The message.
        interval: How many seconds the turn lasts.

    Raises:
        TooSoon: `slow_mode`: the turn is taken.
    """
    try:
        left = await in_redis_thread(_seconds_to_wait, draft, interval)
    except REDIS_AWAY as error:
        say_away("slow mode is not kept", error)
        return
    if left > 0:
        wait = math.ceil(left)
        limit_reached.send(sender=None, limit="slow_mode")
        raise TooSoon(
            Code.SLOW_MODE,
            f"room {draft.room_id!r} is in slow mode, one message every {interval} s: try again in {wait} s",
            retry_after=wait,
        )


async def find_floods(draft: Draft, floods: tuple[Flood, ...]) -> list[Found]:
    """Count that a text goes into a room.

    Counting is batched in the order of the calls, so that no message overtakes another.

    Args:
        draft: The message.
        floods: The active flood filters.

    Returns:
        The filters whose limit the text has reached.
    """
    try:
        return await _counts.get().submit((draft, floods), key=draft.sender)
    except NotTaken:
        return []


def _seconds_to_wait(draft: Draft, interval: int) -> float:
    """The seconds until the turn is free; 0: it is this message's."""
    key = f"{_PREFIX}turn:{interval}:{draft.room_id}:{draft.sender}"
    mine = (draft.dedup_key() or secrets.token_hex(16)).encode()
    pipeline = redis().pipeline(transaction=True)
    _, holder, left = pipeline.set(key, mine, px=interval * 1000, nx=True).get(key).pttl(key).execute()
    return 0.0 if holder in (mine, None) else max(left, 1) / 1000


async def _count(sent: Sequence[tuple[Draft, tuple[Flood, ...]]]) -> Sequence[list[Found]]:
    try:
        counts = iter(await in_redis_thread(_rooms_of_each, sent))
    except REDIS_AWAY as error:
        say_away("floods are not noticed", error)
        return [[] for _ in sent]
    return [
        [
            Found(flood.filter_name, flood.action, f"{rooms} rooms")
            for flood in floods
            if (rooms := next(counts)) >= flood.rooms
        ]
        for _, floods in sent
    ]


def _rooms_of_each(sent: Sequence[tuple[Draft, tuple[Flood, ...]]]) -> list[int]:
    """Into how many rooms the text went, for each message and each of its floods."""
    now = time.time()
    pipeline = redis().pipeline(transaction=False)
    for draft, floods in sent:
        for flood in floods:
            key = _flood_key(draft, flood)
            pipeline.zadd(key, {draft.room_id: now}).zremrangebyscore(key, "-inf", now - flood.seconds)
            pipeline.expire(key, flood.seconds).zcard(key)
    counts: list[int] = pipeline.execute()[3::4]
    return counts


def _flood_key(draft: Draft, flood: Flood) -> str:
    text = " ".join(normalized(draft.content).casefold().split())
    digest = hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
    return f"{_PREFIX}flood:{flood.filter_name}:{draft.sender}:{digest}"


_counts: PerLoop[GroupCommit[tuple[Draft, tuple[Flood, ...]], list[Found]]] = PerLoop(lambda: GroupCommit(_count))
