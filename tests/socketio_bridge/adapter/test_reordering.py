"""Envelopes of another node are delivered in order and once; what is missed is asked for, and given up in the end."""

from __future__ import annotations

import time

import pytest

from socketio_bridge.adapter.cluster import EXPIRY
from socketio_bridge.adapter.reordering import ASKS, Reordering


class Node:
    """One that reorders what `there` sends; its clock goes on a second a check."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.delivered: list[bytes] = []
        self.asked: list[tuple[int, int]] = []
        self.gaps: list[float] = []
        self.reordering = Reordering(
            lambda origin, messages: self.delivered.append(messages),
            lambda origin, first, last: self.asked.append((first, last)),
            self.gaps.append,
        )
        self._own = 0
        self.hears = True

    def receive(self, *numbers: int) -> None:
        for number in numbers:
            self.now += 0.001
            self.reordering.receive("there", number, self.now, b"%d" % number)

    def check(self, times: int = 1) -> None:
        for _ in range(times):
            self.now += 1
            self._own += 1
            if self.hears:
                self.reordering.returned(self._own)
            self.reordering.check(0.0)


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(monkeypatch)


def test_what_comes_behind_a_missing_one_waits_for_it_and_repeats_are_dropped(node: Node) -> None:
    node.receive(1, 3, 4, 3)
    assert (node.delivered, node.asked) == ([b"1"], [(2, 2)])
    node.receive(2, 2, 1)
    assert node.delivered == [b"1", b"2", b"3", b"4"]
    assert node.gaps == []


def test_what_is_asked_for_in_vain_of_a_node_that_is_heard_is_given_up(node: Node) -> None:
    node.receive(1, 3)
    for number in range(4, 4 + ASKS):
        assert node.gaps == []
        node.receive(number)
        node.check()
    assert len(node.gaps) == 1
    assert len(node.asked) == ASKS
    assert node.delivered == [b"1", *(b"%d" % number for number in range(3, 4 + ASKS))]


def test_nothing_is_given_up_while_the_way_is_interrupted(node: Node) -> None:
    node.receive(1, 3)
    node.hears = False
    node.check(100)
    node.hears = True
    node.check(int(EXPIRY))
    assert node.gaps == [] and node.delivered == [b"1"]
    node.receive(2)
    assert node.delivered == [b"1", b"2", b"3"]


def test_nothing_is_given_up_for_the_time_in_which_this_process_stood_still(node: Node) -> None:
    node.receive(1, 3)
    node.now += 60
    node.check()
    node.receive(2)
    assert node.gaps == [] and node.delivered == [b"1", b"2", b"3"]


def test_a_node_that_has_died_is_not_waited_for(node: Node) -> None:
    node.check()
    node.receive(1, 3)
    node.check(int(EXPIRY))
    assert node.gaps == []
    node.check()
    assert len(node.gaps) == 1 and node.delivered == [b"1", b"3"]
