"""Of lines that repeat some stand for the rest, and say for how many."""

from __future__ import annotations

import logging

from chozoi_chat.log_repeats import BURST, PERIOD, THEREAFTER, Repeats


def record(message: object = "%s is away", at: float = 0.0, level: int = logging.WARNING) -> logging.LogRecord:
    made = logging.LogRecord("stores", level, __file__, 1, message, ("x",), None)
    made.created = at
    return made


def logged(repeats: Repeats, *records: logging.LogRecord) -> list[logging.LogRecord]:
    return [one for one in records if repeats.filter(one)]


def test_a_flood_of_one_kind_is_sampled_and_says_how_much_it_was() -> None:
    lines = logged(Repeats(), *(record() for _ in range(BURST + 2 * THEREAFTER)))
    assert len(lines) == BURST + 2
    assert [getattr(line, "repeats", 0) for line in lines] == [0] * BURST + [THEREAFTER - 1] * 2


def test_what_was_left_out_is_said_by_the_next_line_of_the_kind_however_late() -> None:
    repeats = Repeats()
    assert len(logged(repeats, *(record() for _ in range(BURST + 7)))) == BURST
    [line] = logged(repeats, record(at=PERIOD + 1))
    assert line.__dict__["repeats"] == 7
    [line] = logged(repeats, record(at=PERIOD + 2))
    assert "repeats" not in line.__dict__


def test_a_flood_takes_nothing_from_other_kinds() -> None:
    repeats = Repeats()
    logged(repeats, *(record() for _ in range(500)))
    others = [record("another"), record(level=logging.ERROR), record({"event": "of structlog"})]
    assert logged(repeats, *others) == others


def test_lines_of_structlog_say_it_too() -> None:
    flood = [record({"event": "seen", "number": number}) for number in range(BURST + THEREAFTER)]
    *_, last = logged(Repeats(), *flood)
    assert last.msg == {"event": "seen", "number": BURST + THEREAFTER - 1, "repeats": THEREAFTER - 1}


def test_details_are_never_left_out() -> None:
    details = [record(level=logging.DEBUG) for _ in range(BURST + 50)]
    assert logged(Repeats(), *details) == details


def test_what_stands_nowhere_but_in_its_line_is_never_left_out() -> None:
    losses = [record() for _ in range(BURST + 50)]
    for loss in losses:
        loss.__dict__["sampled"] = False
    assert logged(Repeats(), *losses) == losses
