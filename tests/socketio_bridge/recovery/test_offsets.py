"""Offsets, and how far a node is."""

from __future__ import annotations

import time

from socketio_bridge.recovery import offsets
from socketio_bridge.recovery.offsets import Progress


def test_an_offset_says_what_was_written() -> None:
    assert offsets.read(offsets.write(7, {"a": 1, "b-_": 22})) == (7, {"a": 1, "b-_": 22})
    assert offsets.read(offsets.write(7, {})) == (7, {})


def test_what_is_no_offset_is_none() -> None:
    for text in ("", "x", "1.a", "1.a:b", '1.a":1', "1.a:-1", " 1", "1" * 17, "1.a:" + "1" * 17, None, 1, ["1"]):
        assert offsets.read(text) is None
    assert offsets.read(offsets.write(7, {f"{origin:08}": 1 for origin in range(1000)})) is None, "too long"


def test_the_later_of_two_positions_has_the_further_of_all_numbers() -> None:
    assert offsets.later({"a": 1, "b": 5}, {"a": 2, "b": 4, "c": 1}) == {"a": 2, "b": 5, "c": 1}


def test_a_node_is_as_far_as_the_last_it_heard_of_each() -> None:
    progress = Progress(listening=False)
    for origin, number in (("a", 1), ("b", 1), ("a", 3), ("a", 2)):
        progress.hear(origin, number)
    assert offsets.read(progress.offset()) == (progress.milliseconds, {"a": 3, "b": 1})
    assert progress.includes({"a": 3}) and not progress.includes({"a": 4})
    assert not progress.includes({"c": 1})


def test_a_node_that_listens_to_others_has_heard_all_until_its_own_last_envelope_that_came_back() -> None:
    """Its loop may stand still, or the channel layer lag: the time of its offsets does too, and is scanned from."""
    progress = Progress(listening=True)
    begun = progress.milliseconds
    moment = time.time() + 60
    progress.heard_all_until(moment)
    progress.heard_all_until(moment - 10)
    assert begun <= time.time() * 1000 < progress.milliseconds == int(moment * 1000)


def test_a_process_that_was_not_heard_of_for_long_is_not_in_offsets_any_more() -> None:
    progress = Progress(listening=False)
    for origin in ("old", "own"):
        progress.hear(origin, 1, at=100.0)
    progress.hear("new", 1, at=200.0)
    assert progress.since(150.0) == {"new": 1}
    progress.forget(150.0, but=["own"])
    assert offsets.read(progress.offset()) == (progress.milliseconds, {"own": 1, "new": 1})
