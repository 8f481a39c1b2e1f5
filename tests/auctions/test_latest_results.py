"""The latest result of an auction in Redis: a consumer that is late does not overwrite what a later one told."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.exceptions import RedisError

from auctions import latest_results
from auctions.latest_results import LatestResults, Placed
from auctions.results import AuctionResult, named
from tests.auctions.publisher import result


@pytest.fixture
async def latest(redis_server: None) -> AsyncIterator[LatestResults]:
    latest = LatestResults(os.environ["REDIS_ADDRESS"])
    yield latest
    await latest.close()


_auctions = itertools.count(900_000)


@pytest.fixture
def auction() -> int:
    return next(_auctions)


def placed(auction: int, price: int, partition: int, offset: int, at: int = 1_700_000_000_000) -> Placed:
    return Placed(named(msgspec.convert(result(auction, price), AuctionResult), "Linh"), partition, offset, at)


async def prices(latest: LatestResults, *auctions: int) -> list[int]:
    return [one.current_price for one in await latest.of([str(auction) for auction in auctions])]


async def test_the_last_one_is_kept_with_its_name(latest: LatestResults, auction: int) -> None:
    await latest.store([placed(auction, 100, 0, 5), placed(auction, 200, 0, 6)])
    [known] = await latest.of([str(auction)])
    assert (known.current_price, known.winner_name) == (200, "Linh")


async def test_an_earlier_one_of_the_same_partition_comes_too_late(latest: LatestResults, auction: int) -> None:
    await latest.store([placed(auction, 200, 0, 6)])
    await latest.store([placed(auction, 100, 0, 5)])
    assert await prices(latest, auction) == [200]


async def test_a_topic_that_was_made_anew_begins_at_offset_0_and_its_results_are_the_latest(
    latest: LatestResults, auction: int
) -> None:
    await latest.store([placed(auction, 200, 0, 6, at=1_700_000_000_000)])
    await latest.store([placed(auction, 100, 0, 0, at=1_700_000_000_001)])
    assert await prices(latest, auction) == [100]


async def test_one_of_another_partition_is_taken(latest: LatestResults, auction: int) -> None:
    await latest.store([placed(auction, 200, 0, 6)])
    await latest.store([placed(auction, 300, 1, 2)])
    assert await prices(latest, auction) == [300]


async def test_auctions_without_results_are_left_out(latest: LatestResults, auction: int) -> None:
    await latest.store([placed(auction, 200, 0, 6)])
    assert await prices(latest, next(_auctions), auction) == [200]


async def test_a_redis_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_results, "TIMEOUT", 0.05)
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as silent:
        latest = LatestResults(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0")
        async with asyncio.timeout(5):
            with pytest.raises(RedisError):
                await latest.of(["1"])
        await latest.close()
