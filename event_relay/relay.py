"""The relay: holds the lease, reads changes, publishes their events, and moves the position when Kafka has them.

It delivers at least once: after a crash, what Kafka acknowledged since the last stored position is sent again, with the
same ids. Each failure ends the session with MongoDB and Kafka; the next session begins at the last position.
"""

from __future__ import annotations

import datetime
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from confluent_kafka import KafkaException
from django.db import DatabaseError
from pymongo.database import Database
from pymongo.errors import PyMongoError

from event_relay.catch_up import MARGIN, batches_since
from event_relay.change import changed_at, read_change
from event_relay.change_stream import HistoryLost, Stream, change_stream, require_replica_set, watched_database
from event_relay.event import Event, or_unreadable
from event_relay.position import RENEWAL, CatchingUp, Lease, LeaseLost, Position
from event_relay.publisher import EventRejected, Publisher
from event_relay.sources import SOURCES
from kafka_workers.configuration import KafkaSettings
from kafka_workers.report import WorkerReport
from kafka_workers.wire_format import RegistryUnavailable
from persistence.timestamps import UTC

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
CLOSE_TIMEOUT = 5.0
"""Seconds that events in flight have to reach Kafka when the relay stops."""
TRANSIENT_ERRORS = (PyMongoError, DatabaseError, KafkaException, RegistryUnavailable, EventRejected)

_FROM_CHANGE = {source.collection: source.from_change for source in SOURCES}


class Relay:
    """One relay, active or on standby.

        Relay(WorkerReport("event_relay", "events"), stop_on_signals()).run()

    Args:
        report: Where it reports its state, its lag and its failures.
        stop: Set it to end the relay.
        since: Catch up from this time when it becomes active first; None: only where changes are lost.
    """

    def __init__(self, report: WorkerReport, stop: threading.Event, since: datetime.datetime | None = None) -> None:
        self._report = report
        self._stop = stop
        self._since = since
        self._lost_since: datetime.datetime | None = None
        holder = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
        self._lease = Lease(KafkaSettings.current().KAFKA_EVENTS_TOPIC, holder)
        self._renewed = 0.0

    def run(self) -> None:
        """Relay events until `stop` is set.

        Raises:
            NoReplicaSet: MongoDB is a standalone server, which has no change streams.
        """
        pause, position = FIRST_PAUSE, None
        while not self._stop.is_set():
            try:
                position = self._lease.take()
                if position is None:
                    self._stand_by()
                    continue
                self._work(position)
                pause = FIRST_PAUSE
            except LeaseLost as error:
                logger.warning("the lease is lost: %s", error)
            except HistoryLost as error:
                self._lost_since = (position.until if position and position.until else _now()) - MARGIN
                self._report.failed("history", f"the changes are lost; catching up from the collections: {error}")
                logger.error(
                    "MongoDB no longer has the changes after the last position (%s); catching up from the collections, "
                    "from %s on", error, self._lost_since.isoformat(),
                )  # fmt: skip
            except TRANSIENT_ERRORS as error:
                if self._report.failed("relay", f"{type(error).__name__}: {error}"):
                    logger.warning("relaying failed, and is retried: %s: %s", type(error).__name__, error)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _stand_by(self) -> None:
        """Wait before the next attempt to take the lease. Failures and catching up are the active relay's now."""
        self._report.enter("standby")
        for where in ("relay", "kafka", "history"):
            self._report.recovered(where)
        self._report.lags({})
        self._lost_since = None
        self._stop.wait(RENEWAL)

    def _work(self, position: Position) -> None:
        """Run one session from a position, until `stop` is set or something fails."""
        database = watched_database()
        require_replica_set(database.client.admin.command("hello"))
        publisher = Publisher(self._report)
        self._renewed = time.monotonic()
        try:
            token = None if self._lost_since else position.token
            with self._lease.renewing(), change_stream(database, token) as stream:
                begin = position if token is not None else Position(stream.resume_token, _now(), position.catching_up)
                self._catch_up(database, publisher, begin)
                logger.info("relaying to %s", KafkaSettings.current().KAFKA_EVENTS_TOPIC)
                self._report.enter("relaying")
                self._report.recovered("relay")
                while not self._stop.is_set():
                    self._step(stream, publisher)
        finally:
            publisher.close(CLOSE_TIMEOUT if self._stop.is_set() else 0.0)
            with suppress(LeaseLost, PyMongoError, DatabaseError):
                self._lease.require()
                self._lease.renew(publisher.acknowledged())
                self._lease.release()

    def _catch_up(self, database: Database[dict[str, Any]], publisher: Publisher, position: Position) -> None:
        """Send what the collections show of the time before the stream; then the stream begins at the position.

        How far it came is part of the position, so that the next session resumes after the last batch.
        """
        then = replace(position, catching_up=None)
        task = self._to_catch_up(position)
        if task is None:
            publisher.publish([], then)
            return
        self._lease.renew(replace(position, catching_up=task))
        self._since = self._lost_since = None
        logger.warning("catching up from %s; the changes follow", task.since.isoformat())
        self._report.enter("catching up")
        found = 0
        for batch in batches_since(database, task.since, task.after):
            publisher.publish(batch.unreadable, None)
            for event in batch.events:
                publisher.publish([event], None)
                found += 1
                self._keep_going(publisher)
            publisher.publish([], replace(then, catching_up=CatchingUp(task.since, batch.until)))
            self._keep_going(publisher)
            if self._stop.is_set():
                return
        logger.warning("caught up: %d events since %s were sent", found, task.since.isoformat())
        publisher.publish([], then)
        while publisher.in_flight:
            publisher.poll(0.1)
            self._keep_going(publisher)
            if self._stop.is_set():
                return
        self._lease.renew(publisher.acknowledged())
        self._report.recovered("history")

    def _to_catch_up(self, position: Position) -> CatchingUp | None:
        """What is left to catch up with. An instant before that of the stored position begins it anew."""
        wanted = [at for at in (self._since, self._lost_since) if at is not None]
        if not wanted:
            return position.catching_up
        begun = [position.catching_up.since] if position.catching_up is not None else []
        return CatchingUp(min(wanted + begun))

    def _step(self, stream: Stream, publisher: Publisher) -> None:
        asked = _now()
        raw = stream.try_next()
        if raw is not None and raw["operationType"] in ("insert", "update", "replace"):
            publisher.publish(or_unreadable(_events_of(raw), raw), Position(raw["_id"], changed_at(raw)))
        elif stream.resume_token is not None:  # nothing before `asked` is missing
            publisher.publish([], Position(stream.resume_token, asked))
        self._keep_going(publisher)

    def _keep_going(self, publisher: Publisher) -> None:
        """Handle acknowledgements, renew the lease, move the position; wait while the publisher is full."""
        while True:
            self._lease.require()
            publisher.poll()
            if time.monotonic() - self._renewed >= RENEWAL:
                self._lease.renew(publisher.acknowledged())
                self._renewed = time.monotonic()
                behind = publisher.oldest()
                self._report.lag("seconds", max(0.0, (_now() - behind).total_seconds()) if behind else 0.0)
                self._report.lag("events under way", publisher.in_flight)
            if not publisher.full() or self._stop.is_set():
                return
            publisher.poll(0.1)


def _events_of(raw: Mapping[str, Any]) -> Iterator[Event]:
    change = read_change(raw)
    yield from _FROM_CHANGE[change.collection](change)


def _now() -> datetime.datetime:
    return datetime.datetime.now(UTC)
