"""What other nodes send to all, put back into order: repeats are dropped, and what is missed is asked for again.

A layer promises neither that an envelope arrives nor that it does so once. So envelopes to all others bear numbers, and
heartbeats each second see to it that the loss of the last one is noticed. What comes behind a missing number is held
for a moment, while the node that sent it is asked for it. What cannot be had is a gap: the application gets a report.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from socketio_bridge.adapter.cluster import EXPIRY

logger = logging.getLogger(__name__)

ASKS = 5
"""How often a node is asked for a missing envelope in vain, a second apart, before later ones wait no longer. An ask
counts where the node was heard after it: while the way is interrupted, or a process stands still, none can be answered.
"""
HELD_SIZE = 16_000_000
"""Bytes of a node's envelopes that may wait so."""
_REMEMBERED = 3600.0  # seconds for which a node that is silent may come back and go on with its numbers
_ANSWER = 2.0  # seconds within which an envelope of this node itself comes back to it, with a heartbeat each second


class _Origin:
    """Another node. `at`: the instant of the last envelope in order, by the node's clock."""

    __slots__ = ("asked_at", "asked_to", "at", "behind", "heard", "held", "in_vain", "last", "size")

    def __init__(self, last: int, at: float, heard: float) -> None:
        self.last = last
        self.at = at
        self.behind = heard - at  # of its clock behind this one's; the least seen, which has the least delay in it
        self.heard = heard
        self.held: dict[int, tuple[float, bytes]] = {}
        self.size = 0
        self.asked_at = 0.0
        self.asked_to = 0  # the last number that was asked for
        self.in_vain = 0  # asks since something was delivered

    @property
    def since(self) -> float:
        """The instant of the last envelope in order, by this process's clock."""
        return self.at + self.behind


class Reordering:
    """Puts the envelopes of all other nodes into order.

    Args:
        deliver: Takes a node's id and its messages that have their turn.
        ask: Has a node send again the envelopes from a number to another one.
        report_gap: Gets reports of lost envelopes that were sent after an instant of `time.monotonic()`.
    """

    def __init__(
        self,
        deliver: Callable[[str, bytes], None],
        ask: Callable[[str, int, int], None],
        report_gap: Callable[[float], None],
    ) -> None:
        self._deliver = deliver
        self._ask_origin = ask
        self._report_gap = report_gap
        self._origins: dict[str, _Origin] = {}
        self._began = time.monotonic()
        self._interrupted = False  # this node could not hear the others for a while since then
        self._connected_since: float | None = None  # since when this node's own envelopes come back to it
        self._returned = 0  # the last of these
        self._returned_at = self._began

    def begin(self, origin: str, number: int, at: float) -> None:
        """Take a node's word for what it sent last, where nothing is known of it yet."""
        if origin not in self._origins:
            self._origins[origin] = _Origin(number, at, time.monotonic())

    def receive(self, origin: str, number: int, at: float, messages: bytes) -> None:
        """Deliver an envelope, now or when those before it have come.

        Args:
            origin: The node.
            number: The envelope's number.
            at: The instant at which its first message was put in, by the node's clock.
            messages: Its messages, encoded.
        """
        now = time.monotonic()
        state = self._origins.get(origin)
        if state is None:
            state = self._origins[origin] = _Origin(number - 1, at, now)
            if number > 1 and self._interrupted:  # or it would have been heard of before
                self._report_gap(self._began)
        state.heard = now
        state.behind = min(state.behind, now - at)
        if number == state.last + 1:
            state.last, state.at = number, at
            self._deliver(origin, messages)
            if state.held:
                self._go_on(origin, state)
        elif number > state.last and number not in state.held:
            state.held[number] = at, messages
            state.size += len(messages)
            if len(state.held) == 1:
                state.in_vain = 0
                self._ask(origin, state)
            elif state.size > HELD_SIZE:
                self._give_up(origin, state)

    def lost(self, origin: str, first: int, last: int) -> None:
        """A node does not have these envelopes any more."""
        state = self._origins.get(origin)
        if state is not None and first <= state.last + 1 <= last:
            self._skip(origin, state, last)

    def returned(self, number: int) -> None:
        """An envelope of this node itself has come back: it hears what is published, if there is none before it."""
        self._returned_at = time.monotonic()
        if number > self._returned:
            self._interrupted |= number != self._returned + 1
            if number != self._returned + 1 or self._connected_since is None:
                self._connected_since = self._returned_at
            self._returned = number

    def forget(self, origin: str) -> None:
        """A node has taken leave."""
        self._origins.pop(origin, None)

    def check(self, failed_at: float) -> float | None:
        """Ask again, give up what has been waited for long enough, and see who is silent. It is due each second.

        Args:
            failed_at: The instant at which the channel layer refused this node's envelopes last.

        Returns:
            Where a node has died, the instant of `time.monotonic()` after which this node could not hear it.
        """
        now = time.monotonic()
        connected = self._connected_since
        if now - self._returned_at > _ANSWER or (connected is not None and failed_at > connected):
            self._connected_since, self._interrupted = None, True
        since = None
        for origin, state in list(self._origins.items()):
            if state.held and self._asks_in_vain(state, now):
                self._give_up(origin, state)
            elif state.held:
                self._ask(origin, state)
            elif self._died_unheard(state, now):
                state.heard = now
                since = state.since if since is None else min(since, state.since)
            elif now - state.heard > _REMEMBERED:
                self.forget(origin)
        return since

    def _asks_in_vain(self, state: _Origin, now: float) -> bool:
        """Count an ask that was not answered. Whether it was one too many, or the node has died."""
        state.in_vain += state.heard > state.asked_at
        connected = self._connected_since
        died = connected is not None and now - max(connected, state.heard) > EXPIRY
        return died or state.in_vain >= ASKS

    def _died_unheard(self, state: _Origin, now: float) -> bool:
        """Whether a node has been silent since a time when this node could not have heard it."""
        connected = self._connected_since
        return connected is not None and connected > state.heard and now - connected > EXPIRY

    def _ask(self, origin: str, state: _Origin) -> None:
        state.asked_at, state.asked_to = time.monotonic(), min(state.held) - 1
        self._ask_origin(origin, state.last + 1, state.asked_to)

    def _give_up(self, origin: str, state: _Origin) -> None:
        self._skip(origin, state, min(state.held) - 1)

    def _skip(self, origin: str, state: _Origin, last: int) -> None:
        """Go on without the envelopes up to a number."""
        self._report_gap(state.since)
        for number in [number for number in state.held if number <= last]:
            self._take(origin, state, number)
        state.last = last
        self._go_on(origin, state)

    def _go_on(self, origin: str, state: _Origin) -> None:
        """Deliver what has been held and has its turn now."""
        state.in_vain = 0
        while state.last + 1 in state.held:
            self._take(origin, state, state.last + 1)
        if state.held and state.last >= state.asked_to:
            self._ask(origin, state)

    def _take(self, origin: str, state: _Origin, number: int) -> None:
        state.last = number
        state.at, messages = state.held.pop(number)
        state.size -= len(messages)
        self._deliver(origin, messages)
