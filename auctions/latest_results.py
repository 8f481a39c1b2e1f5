"""The latest result of each auction, kept in Redis for clients that connect later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from auctions.results import NamedAuctionResult
from persistence.redis_client import async_redis

LIFETIME = 30 * 24 * 3600
"""Seconds after which an auction without new results is forgotten."""
_KEY = "auctions:latest:"
TIMEOUT = 2.0
"""Seconds to wait for Redis: clients that connect wait for it."""

# A consumer that lost a partition may store results after its successor did. Within one partition the larger offset is
# the newer result, unless the topic was created anew: then the timestamp decides. An auction's results are on one
# partition as long as their producer keeps its key.
_STORE = """
local known = redis.call('HMGET', KEYS[1], 'partition', 'offset', 'at')
if known[1] == ARGV[1] and tonumber(known[2]) > tonumber(ARGV[2]) and tonumber(known[3] or 0) >= tonumber(ARGV[3]) then
    return 0
end
redis.call('HSET', KEYS[1], 'partition', ARGV[1], 'offset', ARGV[2], 'at', ARGV[3], 'result', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True)
class Placed:
    """A result and the place of its record.

    Attributes:
        result: The result.
        partition: The partition.
        offset: The offset.
        at: The record's timestamp, in milliseconds since 1970.
    """

    result: NamedAuctionResult
    partition: int
    offset: int
    at: int


class LatestResults:
    """The latest results in Redis, for one event loop. Call `close` in the end."""

    def __init__(self, redis_url: str) -> None:
        self._redis = async_redis(redis_url, patience=TIMEOUT, retries=1)  # for a connection that had ended

    async def store(self, placed: Iterable[Placed]) -> None:
        """Store results in this order; a record that is older than its auction's stored one is ignored.

        Raises:
            RedisError: Redis does not answer; some may be stored.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for one in placed:
            key = _KEY + one.result.auction_id
            result = msgspec.json.encode(one.result)
            pipeline.eval(_STORE, 1, key, one.partition, one.offset, one.at, result, LIFETIME)
        await pipeline.execute()

    async def of(self, auction_ids: Sequence[str]) -> list[NamedAuctionResult]:
        """The stored results of some auctions.

        Raises:
            RedisError: Redis does not answer.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for auction_id in auction_ids:
            pipeline.hget(_KEY + auction_id, "result")
        found = await pipeline.execute()
        return [msgspec.json.decode(text, type=NamedAuctionResult) for text in found if text is not None]

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
