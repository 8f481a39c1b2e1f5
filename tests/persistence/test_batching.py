"""The generic batcher: who waits for whom, and what happens when things go wrong."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from collections.abc import Sequence

import pytest

from persistence.batching import Closed, DeadlineExceeded, GroupCommit, TooMuchWaiting


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


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """Takes so many seconds of a clock for each batch, and for each item of it; `gate` holds a batch up."""

    def __init__(self, clock: Clock, seconds: float, seconds_an_item: float = 0) -> None:
        self._clock = clock
        self.seconds = seconds
        self._seconds_an_item = seconds_an_item
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[str]) -> list[str | Exception]:
        self.batches.append(list(items))
        await self.gate.wait()
        self._clock.now += self.seconds + len(items) * self._seconds_an_item
        return list(items)


async def under_way(group: GroupCommit[str, str]) -> asyncio.Future[str]:
    """Have a batch of one begin."""
    future = group.submit("first")
    await asyncio.sleep(0)
    return future


async def test_each_key_has_its_share_of_a_batch_however_many_items_another_has() -> None:
    work = Slow(Clock(), 0)
    work.gate.clear()
    group = GroupCommit(work, max_batch=4)
    first = await under_way(group)
    flood = [group.submit(f"a{number}", key="a") for number in range(8)]
    others = [group.submit("b0", key="b"), group.submit("c0", key="c"), group.submit("b1", key="b")]
    work.gate.set()
    await asyncio.gather(first, *flood, *others)
    assert [sorted(batch) for batch in work.batches] == [
        ["first"],
        ["a0", "a1", "b0", "c0"],
        ["a2", "a3", "a4", "b1"],
        ["a5", "a6", "a7"],
    ]


async def test_a_batch_has_so_many_of_one_key_at_most() -> None:
    work = Slow(Clock(), 0)
    group = GroupCommit(work, max_batch_per_key=2)
    await asyncio.gather(*[group.submit(f"a{number}", key="a") for number in range(5)], group.submit("b", key="b"))
    assert work.batches == [["a0", "a1", "b"], ["a2", "a3"], ["a4"]]


async def test_within_a_batch_items_are_in_the_order_in_which_they_came_whosever_they_are() -> None:
    work = Slow(Clock(), 0)
    work.gate.clear()
    group = GroupCommit(work)
    first = await under_way(group)
    said = ["a0", "a1", "b0", "a2", "b1", "c0"]
    taken = [group.submit(item, key=item[0]) for item in said]
    work.gate.set()
    await asyncio.gather(first, *taken)
    assert work.batches == [["first"], said]


async def test_no_more_than_so_many_of_one_key_may_wait() -> None:
    group = GroupCommit(Slow(Clock(), 0), max_waiting_per_key=2)
    taken = [group.submit("a", key="a"), group.submit("a", key="a")]
    with pytest.raises(TooMuchWaiting, match="2 of the same"):
        group.submit("a", key="a")
    taken.append(group.submit("b", key="b"))
    assert await asyncio.gather(*taken) == ["a", "a", "b"]


async def test_where_all_places_are_taken_who_has_few_takes_one_from_who_has_most() -> None:
    work = Slow(Clock(), 0)
    group = GroupCommit(work, max_waiting=4)
    flood = [group.submit(f"a{number}", key="a") for number in range(4)]
    taken = [group.submit("b0", key="b"), group.submit("b1", key="b")]
    for key in "a", "b":
        with pytest.raises(TooMuchWaiting):
            group.submit("one more", key=key)
    done = await asyncio.gather(*flood, *taken, return_exceptions=True)
    assert [type(result) for result in done[2:4]] == [TooMuchWaiting] * 2
    assert [*done[:2], *done[4:]] == ["a0", "a1", "b0", "b1"]
    assert work.batches == [["a0", "a1", "b0", "b1"]], "what was refused is not done"


async def test_what_would_be_done_too_late_is_refused_at_once() -> None:
    clock = Clock()
    group = GroupCommit(Slow(clock, 2.0), max_batch=2, clock=clock)
    for _ in range(40):  # so that it knows how long batches take
        await group.submit("before")
    first = await under_way(group)
    flood = [group.submit(f"a{number}", key="a", deadline=clock.now + 10) for number in range(5)]
    with pytest.raises(DeadlineExceeded):  # the sixth would be in the third batch after this one, which ends in 8 s
        group.submit("a5", key="a", deadline=clock.now + 7)
    soon = group.submit("b0", key="b", deadline=clock.now + 5)
    assert [await first, await soon] == ["first", "b0"]
    await asyncio.gather(*flood, return_exceptions=True)


async def test_what_has_waited_too_long_fails_and_is_not_done() -> None:
    clock = Clock()
    work = Slow(clock, 0)
    work.gate.clear()
    group = GroupCommit(work, clock=clock)
    first = await under_way(group)
    late, patient, soon = (group.submit(f"{wait}", deadline=clock.now + wait) for wait in (10, 60, 30))
    clock.now += 20
    work.gate.set()
    done = await asyncio.gather(first, late, patient, soon, return_exceptions=True)
    assert isinstance(done[1], DeadlineExceeded)
    assert work.batches == [["first"], ["60", "30"]]


async def test_after_batches_that_took_too_long_it_finds_out_that_they_do_no_more() -> None:
    clock = Clock()
    work = Slow(clock, 60.0)
    group = GroupCommit(work, clock=clock)
    for _ in range(10):
        await group.submit("an outage", deadline=clock.now + 10)
    work.seconds = 0.1
    for _ in range(10):
        assert await group.submit("alone", deadline=clock.now + 10) == "alone"
    first = await under_way(group)
    others = [group.submit("other", deadline=clock.now + 10) for _ in range(10)]
    assert await asyncio.gather(first, *others) == ["first"] + ["other"] * 10


async def test_while_a_batch_takes_long_none_is_taken_that_has_less_time_than_that() -> None:
    clock = Clock()
    work = Slow(clock, 0)
    work.gate.clear()
    group = GroupCommit(work, clock=clock)
    first = await under_way(group)
    clock.now += 8
    taken = group.submit("taken", deadline=clock.now + 10)
    clock.now += 4
    with pytest.raises(DeadlineExceeded):
        group.submit("refused", deadline=clock.now + 10)
    work.gate.set()
    await asyncio.gather(first, taken, return_exceptions=True)
    assert await group.submit("again", deadline=clock.now + 10) == "again"


async def _flood(group: GroupCommit[str, str], items: int, *keys: str) -> None:
    await asyncio.gather(*(group.submit(key, key=key) for _ in range(items) for key in keys))


async def test_batches_are_short_once_it_is_known_how_long_items_take() -> None:
    clock = Clock()
    work = Slow(clock, 0.03, 0.002)
    group = GroupCommit(work, max_seconds=0.1, clock=clock)
    await _flood(group, 500, "a", "b")
    assert {key: sum(batch.count(key) for batch in work.batches) for key in "ab"} == {"a": 500, "b": 500}
    assert all(35 <= len(batch) <= 65 for batch in work.batches[5:-1]), list(map(len, work.batches))


async def test_each_key_has_a_few_items_in_a_batch_however_long_that_takes() -> None:
    clock = Clock()
    work = Slow(clock, 0.03, 0.002)
    group = GroupCommit(work, max_seconds=0.1, clock=clock)
    keys = [f"{number}" for number in range(100)]
    await _flood(group, 30, *keys)
    assert all(Counter(batch) == dict.fromkeys(keys, 3) for batch in work.batches[5:]), list(map(len, work.batches))


async def test_batches_that_take_long_by_themselves_have_no_fewer_items_for_that() -> None:
    clock = Clock()
    work = Slow(clock, 0.5, 0.001)
    group = GroupCommit(work, max_seconds=0.1, clock=clock)
    await _flood(group, 900, "a", "b")
    assert max(map(len, work.batches)) == 100, "of each key as many as a batch may have"
    assert len(work.batches) < 25


async def test_after_a_batch_that_took_long_for_another_reason_they_grow_again() -> None:
    clock = Clock()
    work = Slow(clock, 0.01)
    group = GroupCommit(work, max_seconds=0.1, clock=clock)
    await _flood(group, 10, "a")
    work.seconds = 20.0
    await _flood(group, 40, "a")
    work.seconds = 0.01
    before = len(work.batches)
    await _flood(group, 900, "a")
    assert len(work.batches) - before < 35
