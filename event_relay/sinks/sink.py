"""What a relay sends events by, and how far everything has arrived."""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from event_relay.event import Outgoing
from event_relay.position import Position
from event_relay.sources import Source
from workers.report import Report


class EventRejected(Exception):
    """An event is rejected however often it is sent. Nothing more is relayed until an operator removes the cause."""


class DestinationGone(Exception):
    """The destination wants no events any more. Nothing is relayed to it until an operator has it resumed."""


class Sink(Protocol):
    """Sends the events of one session of a relay, and knows up to which change all of them have arrived.

    It is used by one thread. Events of one `Event.key` arrive in the order in which they were published.
    """

    @property
    def in_flight(self) -> int:
        """How many events have not arrived yet."""

    def publish(self, events: Iterable[Outgoing], position: Position | None) -> None:
        """Send the events of one change; it does not wait.

        Args:
            events: The events, in order. Of what is no event, the sink tells the operator.
            position: The position once they have arrived; None: as before.
        """

    def poll(self, seconds: float = 0.0) -> None:
        """Handle what has arrived.

        Args:
            seconds: How long to wait for something to arrive, at most.

        Raises:
            EventRejected: An event can never arrive.
            DestinationGone: The destination says that it is no more.
        """

    def full(self) -> bool:
        """Whether nothing more is to be published now."""

    def acknowledged(self) -> Position | None:
        """The position up to which all events have arrived; None: it has not moved since the last call."""

    def oldest(self) -> datetime.datetime | None:
        """The time of the oldest change whose events have not arrived; None: all have."""

    def close(self, patience: float) -> None:
        """Wait for the events in flight, then drop them: the next session sends them again from the last position.

        Args:
            patience: How many seconds to wait.
        """


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a relay's events go.

    Attributes:
        name: The key of its position, and what the log calls it.
        open: Makes the sink of a session that begins at a position.
        sources: The watched collections whose events go there.
        transient_errors: What its sink raises when it cannot work now. The session ends, and another one is tried.
    """

    name: str
    open: Callable[[Report, Position], Sink]
    sources: tuple[Source, ...]
    transient_errors: tuple[type[Exception], ...] = ()


@dataclass(slots=True)
class Step:
    """One change and the number of its events in flight. No position: the step moves none."""

    position: Position | None
    in_flight: int = 0


class Progress:
    """The changes whose events are on their way, in order. It is used by one thread."""

    def __init__(self) -> None:
        self._steps: deque[Step] = deque()
        self._most = _FEWEST

    def begin(self, position: Position | None, *, empty: bool) -> Step:
        """Note one more change.

        Args:
            position: The position once its events have arrived; None: as before.
            empty: Whether it has no events.

        Returns:
            Its step, which counts the events; of a change without events it may be that of the change before.
        """
        if empty and self._steps and not self._steps[-1].in_flight:
            self._steps[-1].position = position or self._steps[-1].position
            return self._steps[-1]
        if len(self._steps) >= self._most:
            self._merge()
        self._steps.append(Step(position))
        return self._steps[-1]

    def acknowledged(self) -> Position | None:
        """The position up to which all events have arrived; None: it has not moved since the last call."""
        position = None
        while self._steps and self._steps[0].in_flight == 0:
            position = self._steps.popleft().position or position
        return position

    def oldest(self) -> datetime.datetime | None:
        """The time of the oldest change whose events have not arrived; None: all have."""
        return next((step.position.until for step in self._steps if step.in_flight and step.position), None)

    def _merge(self) -> None:
        """Make one step of neighbours that have arrived: one event that waits for long must not fill the memory."""
        merged: deque[Step] = deque()
        for step in self._steps:
            if merged and not merged[-1].in_flight and not step.in_flight:
                merged[-1].position = step.position or merged[-1].position
            else:
                merged.append(step)
        self._steps = merged
        self._most = max(_FEWEST, 2 * len(merged))


_FEWEST = 1000
"""Steps before neighbours are merged."""
