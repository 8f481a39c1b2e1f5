"""One thing for each event loop."""

from __future__ import annotations

import asyncio

from persistence.per_event_loop import PerLoop


async def test_a_loop_has_one_thing_until_it_is_forgotten() -> None:
    things = PerLoop(list[int])
    first = things.get()
    assert things.get() is first
    assert things.forget() is first
    assert things.forget() is None
    assert things.get() is not first


def test_each_loop_has_its_own_and_those_of_closed_loops_are_forgotten() -> None:
    class Thing:
        def __init__(self) -> None:
            self.loop = asyncio.get_running_loop()

    things = PerLoop(Thing)

    async def get() -> Thing:
        return things.get()

    assert asyncio.run(get()) is not asyncio.run(get())
    assert len(things) == 1
