"""`Batch`: what is asked while an answer is on its way goes out together next."""

from __future__ import annotations

import asyncio

import pytest

from presence.batch import Batch


async def test_calls_of_one_moment_are_one_list_and_later_ones_the_next() -> None:
    lists: list[list[int]] = []

    async def double(items: list[int]) -> list[int]:
        lists.append(items)
        await asyncio.sleep(0.02)
        return [item * 2 for item in items]

    batch = Batch(double, limit=3)
    first = asyncio.gather(*map(batch, (1, 2)))
    await asyncio.sleep(0.01)
    rest = asyncio.gather(*(batch(item) for item in range(3, 8)))
    assert await first == [2, 4]
    assert await rest == [6, 8, 10, 12, 14]
    assert lists == [[1, 2], [3, 4, 5], [6, 7]]
    assert await batch(9) == 18


async def test_a_failure_is_told_to_its_own_list_only() -> None:
    async def fail_for_odd(items: list[int]) -> list[int]:
        if items[0] % 2:
            raise ValueError(items[0])
        return items

    batch = Batch(fail_for_odd, limit=1)
    answers = await asyncio.gather(batch(1), batch(2), return_exceptions=True)
    assert isinstance(answers[0], ValueError) and answers[1] == 2


async def test_a_caller_that_gives_up_leaves_the_others_their_answers() -> None:
    async def echo(items: list[int]) -> list[int]:
        await asyncio.sleep(0.02)
        return items

    batch = Batch(echo)
    impatient, patient = asyncio.create_task(batch(1)), asyncio.create_task(batch(2))
    await asyncio.sleep(0.01)
    impatient.cancel()
    assert await patient == 2
    with pytest.raises(asyncio.CancelledError):
        await impatient
