"""A webhook as a relay's sink."""

from __future__ import annotations

import datetime
import logging
import queue
import time
from collections.abc import Iterable
from contextlib import suppress

from event_relay.cloudevents import to_json
from event_relay.event import Event, Outgoing, Unreadable
from event_relay.position import Position
from event_relay.sinks.sink import Destination, DestinationGone, Progress, Step
from event_relay.sources import SOURCES
from event_relay.webhooks.attempt import Delivery
from event_relay.webhooks.configuration import Endpoint
from event_relay.webhooks.courier import Courier, Ended
from event_relay.webhooks.metrics import DeliveryMetrics
from workers.report import Report

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 1000
"""Events that may be on their way to an endpoint; then the changes wait."""


class WebhookSink:
    """Sends events to one endpoint. It is used by one thread.

    Args:
        name: The endpoint's name.
        endpoint: The endpoint.
        report: The report of the relay.
        metrics: Count the attempts.
    """

    def __init__(self, name: str, endpoint: Endpoint, report: Report, metrics: DeliveryMetrics) -> None:
        self._name = name
        self._endpoint = endpoint
        self._report = report
        self._progress = Progress()
        self._numbers = 0
        self._on_the_way: dict[int, tuple[Step, Event]] = {}
        self._courier = Courier(name, endpoint, report, metrics)

    @property
    def in_flight(self) -> int:
        """How many events the endpoint has not taken yet."""
        return len(self._on_the_way)

    def publish(self, events: Iterable[Outgoing], position: Position | None) -> None:
        """See `Sink`. What is no event, or cannot be encoded, is logged; its document is still in MongoDB."""
        wanted = [each for each in map(self._delivery, events) if each is not None]
        step = self._progress.begin(position, empty=not wanted)
        for event, delivery in wanted:
            self._numbers += 1
            step.in_flight += 1
            self._on_the_way[self._numbers] = (step, event)
            self._courier.deliver(self._numbers, delivery)

    def poll(self, seconds: float = 0.0) -> None:
        """See `Sink`."""
        try:
            ended = self._courier.ended.get(timeout=seconds) if seconds else self._courier.ended.get_nowait()
            while True:
                self._end(ended)
                ended = self._courier.ended.get_nowait()
        except queue.Empty:
            return

    def full(self) -> bool:
        """Whether MAX_IN_FLIGHT events are in flight."""
        return len(self._on_the_way) >= MAX_IN_FLIGHT

    def acknowledged(self) -> Position | None:
        """See `Sink`."""
        return self._progress.acknowledged()

    def oldest(self) -> datetime.datetime | None:
        """See `Sink`."""
        return self._progress.oldest()

    def close(self, patience: float) -> None:
        """See `Sink`."""
        end = time.monotonic() + patience
        try:
            while self._on_the_way and (left := end - time.monotonic()) > 0:
                self.poll(min(left, 0.1))
        except DestinationGone as error:
            logger.warning("webhook %s: %s", self._name, error)
        self._courier.close()
        with suppress(DestinationGone):
            self.poll()  # what was taken since the last look is not to be sent again

    def _delivery(self, event: Outgoing) -> tuple[Event, Delivery] | None:
        if isinstance(event, Unreadable):
            document = event.document
            named = (document.get("documentKey") or document).get("_id")
            self._set_aside("a change", named, event.reason)
            return None
        if not self._endpoint.wants(event.type):
            return None
        try:
            body = to_json(event)
        except Exception as error:  # a document may hold anything
            self._set_aside(event.type, event.subject, f"{type(error).__name__}: {error}")
            return None
        return event, Delivery(event.id, event.type, event.subject, event.key, body)

    def _end(self, ended: Ended) -> None:
        if ended.gone:
            raise DestinationGone(ended.gone)
        step, event = self._on_the_way.pop(ended.number)
        step.in_flight -= 1
        if ended.given_up:
            self._set_aside(event.type, event.subject, ended.given_up)
        else:
            self._report.handled(1, event.type)

    def _set_aside(self, what: str, subject: object, reason: str) -> None:
        self._report.dead_letter()
        logger.error(
            "webhook %s is not told of %s of %s: %s", self._name, what, subject, reason, extra={"sampled": False}
        )


def webhook(name: str, endpoint: Endpoint, metrics: DeliveryMetrics) -> Destination:
    """An endpoint, to which the events go that it wants, but for `message.unread`."""
    return Destination(
        name=position_of(name),
        open=lambda report, position: WebhookSink(name, endpoint, report, metrics),
        sources=tuple(source for source in SOURCES if any(map(endpoint.wants, source.types))),
    )


def position_of(name: str) -> str:
    """The name of an endpoint's position."""
    return f"webhook:{name}"
