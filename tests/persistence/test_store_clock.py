"""MongoDB's time from several answers: the quickest counts, and a clock that was set is believed."""

from __future__ import annotations

import pytest

from persistence.store_clock import FRESH, StoreClock

AHEAD = 1_700_000_000.0
"""Seconds by which MongoDB's clock is ahead of `time.monotonic()` in truth."""


class Asking:
    """A clock that learns from answers, one each FRESH seconds."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.clock = StoreClock(lambda: self.now)

    def answer(self, there: float, back: float, *, ahead: float = AHEAD) -> None:
        """An answer whose question and answer take so many seconds on their way."""
        asked_at = self.now = self.now + FRESH
        self.now += there
        told = int((self.now + ahead) * 1000) / 1000
        self.now += back
        self.clock.answered(asked_at, told, self.now)

    def lag(self, *, ahead: float = AHEAD) -> float:
        """Seconds by which the time told is earlier than the true one."""
        return self.now + ahead - self.clock.at(self.now).timestamp()


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_a_slow_answer_does_not_spoil_a_quick_one(asking: Asking) -> None:
    for there, back in ((0.0, 0.4), (0.001, 0.002), (0.3, 0.5), (0.0, 0.8)):
        asking.answer(there, back)
    assert -1e-5 < asking.lag() < 0.02, "but for what clocks may drift"


def test_the_time_told_is_never_ahead(asking: Asking) -> None:
    for there, back in ((0.5, 0.0), (0.0, 0.5), (0.4, 0.01)):
        asking.answer(there, back)
        assert asking.lag() > -1e-5


def test_the_time_is_known_without_asking_until_the_last_answer_is_old(asking: Asking) -> None:
    assert asking.clock.known_at(asking.now) is None, "it was never asked"
    asking.answer(0.001, 0.001)
    asking.now += FRESH
    assert asking.clock.known_at(asking.now - 3) == asking.clock.at(asking.now - 3)
    asking.now += 0.001
    assert asking.clock.known_at(asking.now) is None


@pytest.mark.parametrize("step", [-3.0, 0.5, 3600.0])
def test_a_clock_that_was_set_is_believed_at_once(asking: Asking, step: float) -> None:
    asking.answer(0.001, 0.001)
    asking.answer(0.001, 0.001)
    asking.answer(0.1, 0.1, ahead=AHEAD + step)
    assert -1e-5 < asking.lag(ahead=AHEAD + step) < 0.11
