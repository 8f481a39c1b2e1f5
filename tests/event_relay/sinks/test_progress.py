"""How far everything has arrived, where one event holds up the position and thousands behind it have arrived."""

from __future__ import annotations

import datetime
import gc

from event_relay.position import Position
from event_relay.sinks.sink import Progress, Step
from persistence.timestamps import UTC

AT = datetime.datetime(2026, 11, 22, 8, tzinfo=UTC)


def position(number: int) -> Position:
    return Position({"_data": str(number)}, AT + datetime.timedelta(seconds=number))


def arrived(progress: Progress, number: int) -> None:
    """A change whose event arrives at once."""
    progress.begin(position(number), empty=False)


def test_one_event_that_waits_does_not_fill_the_memory() -> None:
    progress = Progress()
    waiting = progress.begin(position(0), empty=False)
    waiting.in_flight = 1
    for number in range(1, 20_000):
        arrived(progress, number)
    assert sum(type(each) is Step for each in gc.get_objects()) < 3000
    assert progress.acknowledged() is None
    assert progress.oldest() == AT
    waiting.in_flight = 0
    assert progress.acknowledged() == position(19_999)


def test_steps_that_are_merged_keep_the_order_with_those_that_wait() -> None:
    progress = Progress()
    waiting = []
    for number in range(5000):
        step = progress.begin(position(number), empty=False)
        if number % 1000 == 500:
            step.in_flight = 1
            waiting.append((number, step))
    for at, (number, step) in enumerate(waiting):
        expected = position(number - 1) if at == 0 else None
        assert progress.acknowledged() == expected
        step.in_flight = 0
        following = waiting[at + 1][0] - 1 if at + 1 < len(waiting) else 4999
        assert progress.acknowledged() == position(following)
