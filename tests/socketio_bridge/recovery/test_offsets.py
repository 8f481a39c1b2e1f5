"""Offsets: what they say, and which emissions a position includes."""

from __future__ import annotations

from socketio_bridge.recovery import offsets
from socketio_bridge.recovery.offsets import Mark, Position
from socketio_bridge.recovery.recoverable import Recoverable


def test_an_offset_says_what_was_written() -> None:
    for position in (Position((7, 0), 3, {}), Position((7, 12), 0, {"a": 1, "b-_": 22})):
        assert offsets.read(str(position)) == position


def test_what_is_no_offset_is_none() -> None:
    for text in ("", "x", "1", "1-1", "1-1.1.a", "1-1.1.a:b", '1-1.1.a":1', "1-1.1.a:-1", " 1-1.1", "1-1." + "1" * 17):
        assert offsets.read(text) is None
    for value in (None, 1, ["1-1.1"], str(Position((7, 0), 1, {f"{origin:08}": 1 for origin in range(1000)}))):
        assert offsets.read(value) is None


def test_a_position_includes_what_was_read_before_and_what_was_numbered_before() -> None:
    position = Position((5, 1), 2, {"a": 3})
    assert position.includes(Mark("b", 9, (5, 1), 2))
    assert not position.includes(Mark("b", 9, (5, 1), 3)), "it has two messages of the entry"
    assert not position.includes(Mark("b", 9, (5, 2), 1))
    assert position.includes(Mark("a", 3)) and not position.includes(Mark("a", 4))
    assert position.includes(Mark("a", 3, (9, 0), 1)), "it came before its entry was there"
    assert not position.includes(Mark("a", 0)), "it is not kept"


def test_a_position_moves_on() -> None:
    position = Position((5, 1), 2, {"a": 3})
    assert position.after(Mark("b", 9, (6, 0), 1)) == Position((6, 0), 1, {"a": 3})
    assert position.after(Mark("b", 9)) == Position((5, 1), 2, {"a": 3, "b": 9})
    assert position.after(Mark("b", 0)) == position


def test_of_two_positions_the_further_counts_with_the_numbers_of_both() -> None:
    one, other = Position((5, 1), 2, {"a": 3, "b": 5}), Position((5, 1), 3, {"a": 4, "b": 4, "c": 1})
    assert one.beside(other) == other.beside(one) == Position((5, 1), 3, {"a": 4, "b": 5, "c": 1})


def test_what_a_dead_process_did_not_write_is_not_waited_for() -> None:
    recoverable = Recoverable({})
    recoverable.covered = Position((5, 1), 2, {"dead": 3, "alive": 4})
    recoverable.forget_all_but({"alive"})
    assert recoverable.covered == Position((5, 1), 2, {"alive": 4})
