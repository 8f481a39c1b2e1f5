"""However many clients come at once, a turn of the event loop lets in a few, in their order."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from socketio_bridge.transports.newcomers import A_TURN, Newcomers


async def test_a_crowd_leaves_turns_to_others() -> None:
    newcomers, turn, came = Newcomers(), 0, list[tuple[int, int]]()

    async def come(number: int) -> None:
        await newcomers.wait()
        came.append((number, turn))

    crowd = [asyncio.create_task(come(number)) for number in range(20 * A_TURN)]
    while not all(task.done() for task in crowd):
        await asyncio.sleep(0)
        turn += 1
    assert [number for number, _ in came] == list(range(20 * A_TURN))
    turns = [turn for _, turn in came]
    assert max(turns.count(each) for each in turns) <= A_TURN
    assert all(later - earlier <= 2 for earlier, later in pairwise(turns)), "and none passes unused"


async def test_one_who_comes_alone_does_not_wait() -> None:
    newcomers = Newcomers()
    for _ in range(3):
        waiting = newcomers.wait().__await__()
        assert next(waiting, None) is None, "no turn passes"
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_who_leaves_while_waiting_holds_nobody_up() -> None:
    newcomers = Newcomers()
    crowd = [asyncio.create_task(newcomers.wait()) for _ in range(3 * A_TURN)]
    await asyncio.sleep(0)
    for leaving in crowd[A_TURN:-1]:
        leaving.cancel()
    async with asyncio.timeout(1):
        await crowd[-1]
