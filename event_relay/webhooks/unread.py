"""`message.unread`: the changes of new messages, held back until each message has had its time to be seen.

What is held back is not lost: the position moves past a message when it has been looked at, so the next session reads
it again from MongoDB. All messages of a room to one receiver are told together when the first of them is due. Those
that were told ahead of their own time are part of the position, so that they are not told again.
"""

from __future__ import annotations

import asyncio
import datetime
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice, takewhile

from event_relay.change_stream import watched_database
from event_relay.event import Event, Outgoing, Unreadable
from event_relay.position import Position
from event_relay.sinks.sink import Destination, Sink
from event_relay.sources.unread import UNREAD
from event_relay.webhooks.configuration import Endpoint, WebhookSettings
from event_relay.webhooks.metrics import DeliveryMetrics
from event_relay.webhooks.sink import WebhookSink, position_of
from event_relay.webhooks.unread_messages import Candidate, UnreadMessages
from persistence.redis_client import REDIS_AWAY
from persistence.timestamps import UTC
from presence import Observer
from workers.report import Report

MAX_WAITING = 5000
"""Messages that are held back; others wait in MongoDB, where they lose nothing but being told together with these."""
AT_ONCE = 100
"""Messages that are due, of which the stores are asked in one look; and messages that are told together."""


@dataclass(slots=True)
class _Waiting:
    """A message until its time has come. No position: it moves none."""

    event: Event
    due: datetime.datetime
    position: Position | None = None
    told: bool = False

    @property
    def candidate(self) -> Candidate:
        event = self.event
        return Candidate(event.subject, event.room_id, event.data["from"], event.data["to"])


class UnreadSink:
    """Holds back what is published until it is due, and passes on what is still unread. It is used by one thread.

    Args:
        inner: Where it is passed on.
        position: Where the session begins.
        after: Seconds from when a message was written until it is due.
    """

    def __init__(self, inner: Sink, position: Position, after: float) -> None:
        self._inner = inner
        self._after = datetime.timedelta(seconds=after)
        self._waiting: deque[_Waiting] = deque()
        self._by_receiver: dict[tuple[str, str], deque[_Waiting]] = {}
        self._told_before = set(position.ahead)
        self._ahead: dict[str, None] = {}
        self._database = watched_database()
        self._ask = asyncio.Runner()
        self._presence = Observer()

    @property
    def in_flight(self) -> int:
        """How many messages wait, or are being told of."""
        return len(self._waiting) + self._inner.in_flight

    def publish(self, events: Iterable[Outgoing], position: Position | None) -> None:
        """See `Sink`."""
        for event in events:
            if isinstance(event, Unreadable):
                self._inner.publish([event], None)
            else:
                self._hold(event)
        if self._waiting:
            self._waiting[-1].position = position or self._waiting[-1].position
        else:
            self._inner.publish([], position and self._with_ahead(position))

    def poll(self, seconds: float = 0.0) -> None:
        """See `Sink`.

        Raises:
            REDIS_AWAY: Who is online cannot be known now.
        """
        self._pass_on()
        self._inner.poll(seconds)

    def full(self) -> bool:
        """Whether MAX_WAITING messages wait."""
        return len(self._waiting) >= MAX_WAITING or self._inner.full()

    def acknowledged(self) -> Position | None:
        """See `Sink`."""
        return self._inner.acknowledged()

    def oldest(self) -> datetime.datetime | None:
        """See `Sink`. To wait for being due is no lag."""
        return self._inner.oldest()

    def close(self, patience: float) -> None:
        """See `Sink`. What is not due is left to the next session."""
        self._inner.close(patience)
        with suppress(*REDIS_AWAY):
            self._ask.run(self._presence.close())
        self._ask.close()

    def _hold(self, event: Event) -> None:
        written_at = min(event.time, datetime.datetime.now(UTC))  # a clock that is ahead must not hold up all others
        waiting = _Waiting(event, written_at + self._after)
        if event.subject in self._told_before:
            waiting.told = True
            self._ahead[event.subject] = None
        self._waiting.append(waiting)
        self._by_receiver.setdefault(_key(waiting), deque()).append(waiting)

    def _pass_on(self) -> None:
        """Look at those who are due, some at once, in the order in which they came; pass on what is to be told."""
        now = datetime.datetime.now(UTC)
        while not self._inner.full():
            due = list(takewhile(lambda each: each.due <= now, islice(self._waiting, AT_ONCE)))
            if not due:
                return
            together = {each.event.subject: self._with_others(each) for each in due if not each.told}
            candidates = {each.candidate for group in together.values() for each in group}
            found = UnreadMessages.read(self._database, candidates, self._ask, self._presence) if candidates else None
            for each in due:
                events = [] if found is None or each.told else self._told_now(each, together[each.event.subject], found)
                self._remove_first()
                self._inner.publish(events, each.position and self._with_ahead(each.position))

    def _with_others(self, waiting: _Waiting) -> list[_Waiting]:
        """The message, and those that came after it in the room to the same receiver, and were not told yet."""
        return [each for each in islice(self._by_receiver[_key(waiting)], AT_ONCE) if not each.told]

    def _told_now(self, waiting: _Waiting, group: list[_Waiting], found: UnreadMessages) -> list[Event]:
        """The event of a message that is due: none, or one that tells of all that are unread in its room."""
        if not found.may_be_told(waiting.candidate):
            return []
        told = [each for each in group if not each.told and each.event.subject in found.messages]
        for each in told:
            each.told = True
            self._ahead[each.event.subject] = None
        return [replace(waiting.event, data=found.data([each.candidate for each in told]))]

    def _remove_first(self) -> None:
        waiting = self._waiting.popleft()
        self._ahead.pop(waiting.event.subject, None)
        of_receiver = self._by_receiver[_key(waiting)]
        of_receiver.popleft()
        if not of_receiver:
            del self._by_receiver[_key(waiting)]

    def _with_ahead(self, position: Position) -> Position:
        return replace(position, ahead=tuple(self._ahead))


def _key(waiting: _Waiting) -> tuple[str, str]:
    return waiting.event.room_id, waiting.event.data["to"]


def unread_webhook(name: str, endpoint: Endpoint, metrics: DeliveryMetrics) -> Destination:
    """An endpoint's `message.unread`, which have a position of their own: it is as old as the messages that wait."""

    def open_sink(report: Report, position: Position) -> Sink:
        inner = WebhookSink(name, endpoint, report, metrics)
        return UnreadSink(inner, position, WebhookSettings.current().WEBHOOK_UNREAD_AFTER)

    return Destination(name=position_of_unread(name), open=open_sink, sources=(UNREAD,), transient_errors=REDIS_AWAY)


def position_of_unread(name: str) -> str:
    """The name of the position of an endpoint's `message.unread`."""
    return f"{position_of(name)}:unread"
