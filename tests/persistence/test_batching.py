"""The generic batcher: who waits for whom, and what happens when things go wrong."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Sequence

import pytest

from persistence.batching import Closed, GroupCommit, TooMuchWaiting


class Doubler:
    """Doubles numbers in batches; `gate` holds a batch up; a negative number is an error of its own."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        return [ValueError(number) if number < 0 else 2 * number for number in numbers]


async def test_one_alone_is_done_at_once() -> None:
    work = Doubler()
    assert await GroupCommit(work).submit(21) == 42
    assert work.batches == [[21]]


async def test_what_comes_while_a_batch_is_done_goes_together_in_the_next() -> None:
    work = Doubler()
    work.gate.clear()
    group = GroupCommit(work)
    first = group.submit(1)
    await asyncio.sleep(0)
    later = [group.submit(number) for number in (2, 3, 4)]
    work.gate.set()
    assert await asyncio.gather(first, *later) == [2, 4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


async def test_a_batch_has_at_most_so_many_items() -> None:
    work = Doubler()
    group = GroupCommit(work, max_batch=2)
    await asyncio.gather(*[group.submit(number) for number in range(5)])
    assert work.batches == [[0, 1], [2, 3], [4]]


async def test_an_items_error_is_its_own() -> None:
    group = GroupCommit(Doubler())
    good, bad = group.submit(1), group.submit(-1)
    assert await good == 2
    with pytest.raises(ValueError, match="-1"):
        await bad


async def test_an_error_of_the_whole_batch_fails_all_of_it_and_the_next_goes_on() -> None:
    broken = True

    async def commit(numbers: Sequence[int]) -> list[int | Exception]:
        if broken:
            raise OSError("away")
        return list(numbers)

    group = GroupCommit(commit)
    results = await asyncio.gather(group.submit(1), group.submit(2), return_exceptions=True)
    assert [str(result) for result in results] == ["away", "away"]
    broken = False
    assert await group.submit(3) == 3


async def test_a_batch_that_waits_is_not_failed_by_the_one_before() -> None:
    async def commit(numbers: Sequence[int]) -> Sequence[int | Exception]:
        if numbers[0] % 2:
            raise ValueError(numbers[0])
        return numbers

    group = GroupCommit(commit, max_batch=1)
    first, second = await asyncio.gather(group.submit(1), group.submit(2), return_exceptions=True)
    assert isinstance(first, ValueError)
    assert second == 2


async def test_an_item_is_done_also_when_its_waiter_was_cancelled() -> None:
    work = Doubler()
    work.gate.clear()
    group = GroupCommit(work)
    first = group.submit(1)

    async def wait_for_two() -> int:
        return await group.submit(2)

    waiter = asyncio.create_task(wait_for_two())
    await asyncio.sleep(0)
    waiter.cancel()
    third = group.submit(3)
    work.gate.set()
    assert (await first, await third) == (2, 6)
    assert work.batches == [[1], [2, 3]]
    with pytest.raises(asyncio.CancelledError):
        await waiter


async def test_no_more_than_so_many_may_wait() -> None:
    group = GroupCommit(Doubler(), max_waiting=2)
    taken = [group.submit(1), group.submit(2)]
    with pytest.raises(TooMuchWaiting, match="2"):
        group.submit(3)
    assert await asyncio.gather(*taken) == [2, 4]
    assert await group.submit(3) == 6


async def test_without_a_bound_any_number_may_wait() -> None:
    group = GroupCommit(Doubler(), max_waiting=None)
    results = await asyncio.gather(*[group.submit(1) for _ in range(20_000)])
    assert results == [2] * 20_000


async def test_closing_finishes_what_was_taken_and_takes_no_more() -> None:
    work = Doubler()
    group = GroupCommit(work, max_batch=1)
    taken = [group.submit(1), group.submit(2)]
    await group.close()
    assert [future.result() for future in taken] == [2, 4]
    with pytest.raises(Closed):
        group.submit(3)


async def test_the_worker_does_not_live_in_the_context_of_whoever_started_it() -> None:
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    async def commit(numbers: Sequence[int]) -> list[int | Exception]:
        seen.append(request.get())
        return list(numbers)

    request.set("the first one's")
    await GroupCommit(commit).submit(1)
    assert seen == ["none"]


async def test_a_wrong_number_of_results_is_an_error_and_not_somebody_elses_result() -> None:
    async def commit(numbers: Sequence[int]) -> list[int | Exception]:
        return [1]

    group = GroupCommit(commit)
    results = await asyncio.gather(group.submit(1), group.submit(2), return_exceptions=True)
    assert all(isinstance(result, RuntimeError) for result in results)
