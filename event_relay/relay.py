"""The relay: holds the lease, reads changes, publishes their events, and moves the position when Kafka has them.

At least once: what Kafka acknowledged and the position does not show yet is sent again after a crash, with the same
ids. Each failure ends the session with MongoDB and Kafka; the next one begins at the last position.
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
from django.conf import settings
from django.db import DatabaseError
from pymongo.database import Database
from pymongo.errors import PyMongoError

from event_relay.catch_up import MARGIN, pieces_since
from event_relay.change import changed_at, read_change
from event_relay.change_stream import HistoryLost, Stream, change_stream, require_replica_set, watched_database
from event_relay.event import Event, or_unreadable
from event_relay.position import RENEWAL, CatchingUp, Lease, LeaseLost, Position
from event_relay.publisher import NotAccepted, Publisher
from event_relay.sources import SOURCES
from kafka_workers.report import WorkerReport
from kafka_workers.wire_format import RegistryUnavailable
from persistence.timestamps import UTC

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
GOODBYE = 5.0
"""Seconds for what is under way when the relay is told to stop."""
PASSING = (PyMongoError, DatabaseError, KafkaException, RegistryUnavailable, NotAccepted)

_CHANGED = {source.collection: source.changed for source in SOURCES}


class Relay:
    """One relay, at work or standing by, until `stop` is set. `since`: catch up from there when it first works."""

    def __init__(self, report: WorkerReport, stop: threading.Event, since: datetime.datetime | None = None) -> None:
        self._report = report
        self._stop = stop
        self._since = since
        self._lost_since: datetime.datetime | None = None
        holder = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
        self._lease = Lease(settings.KAFKA_EVENTS_TOPIC, holder)
        self._renewed = 0.0

    def run(self) -> None:
        """Relay until stopped. `NoReplicaSet`: it cannot be done here."""
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
                logger.warning("another relay goes on: %s", error)
            except HistoryLost as error:
                self._lost_since = (position.until if position and position.until else _now()) - MARGIN
                self._report.trouble("history", f"the changes are lost, so what they did is looked for: {error}")
                logger.error(
                    "MongoDB no longer has the changes after the last position (%s); catching up from the collections, "
                    "from %s on", error, self._lost_since.isoformat(),
                )  # fmt: skip
            except PASSING as error:
                if self._report.trouble("relay", f"{type(error).__name__}: {error}"):
                    logger.warning("relaying failed, and is tried again: %s: %s", type(error).__name__, error)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _stand_by(self) -> None:
        """Wait a moment. What stood in the way of work, and what is to be caught up with, is the other relay's now."""
        self._report.begin("standby")
        for where in ("relay", "kafka", "history"):
            self._report.well(where)
        self._report.lags({})
        self._lost_since = None
        self._stop.wait(RENEWAL)

    def _work(self, position: Position) -> None:
        """One session, from the position on; ends when told to stop, or with what went wrong."""
        database = watched_database()
        require_replica_set(database.client.admin.command("hello"))
        publisher = Publisher(self._report)
        self._renewed = time.monotonic()
        try:
            token = None if self._lost_since else position.token
            with self._lease.kept(), change_stream(database, token) as stream:
                begin = position if token is not None else Position(stream.resume_token, _now(), position.catching_up)
                self._catch_up(database, publisher, begin)
                logger.info("relaying to %s", settings.KAFKA_EVENTS_TOPIC)
                self._report.begin("relaying")
                self._report.well("relay")
                while not self._stop.is_set():
                    self._step(stream, publisher)
        finally:
            publisher.close(GOODBYE if self._stop.is_set() else 0.0)
            with suppress(LeaseLost, PyMongoError, DatabaseError):
                self._lease.require()
                self._lease.renew(publisher.acknowledged())
                self._lease.release()

    def _catch_up(self, database: Database[dict[str, Any]], publisher: Publisher, position: Position) -> None:
        """Send what the collections show of the time before the stream, which then goes on from the position.

        What is left to do is part of the position, so that whoever works next goes on after the last piece.
        """
        then = replace(position, catching_up=None)
        task = self._to_catch_up(position)
        if task is None:
            publisher.publish([], then)
            return
        self._lease.renew(replace(position, catching_up=task))
        self._since = self._lost_since = None
        logger.warning("catching up from %s; the changes follow", task.since.isoformat())
        self._report.begin("catching up")
        found = 0
        for piece in pieces_since(database, task.since, task.after):
            publisher.publish(piece.unreadable, None)
            for event in piece.events:
                publisher.publish([event], None)
                found += 1
                self._breathe(publisher)
            publisher.publish([], replace(then, catching_up=CatchingUp(task.since, piece.until)))
            self._breathe(publisher)
            if self._stop.is_set():
                return
        logger.warning("caught up: %d events since %s were sent", found, task.since.isoformat())
        publisher.publish([], then)
        while publisher.under_way:
            publisher.serve(0.1)
            self._breathe(publisher)
            if self._stop.is_set():
                return
        self._lease.renew(publisher.acknowledged())
        self._report.well("history")

    def _to_catch_up(self, position: Position) -> CatchingUp | None:
        """What is to be caught up with: what was begun, or, where that does not reach so far back, all anew."""
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
        self._breathe(publisher)

    def _breathe(self, publisher: Publisher) -> None:
        """Hear Kafka, keep the lease, move the position; wait while too much is under way."""
        while True:
            self._lease.require()
            publisher.serve()
            if time.monotonic() - self._renewed >= RENEWAL:
                self._lease.renew(publisher.acknowledged())
                self._renewed = time.monotonic()
                behind = publisher.oldest()
                self._report.lag("seconds", max(0.0, (_now() - behind).total_seconds()) if behind else 0.0)
                self._report.lag("events under way", publisher.under_way)
            if not publisher.full() or self._stop.is_set():
                return
            publisher.serve(0.1)


def _events_of(raw: Mapping[str, Any]) -> Iterator[Event]:
    change = read_change(raw)
    yield from _CHANGED[change.collection](change)


def _now() -> datetime.datetime:
    return datetime.datetime.now(UTC)
