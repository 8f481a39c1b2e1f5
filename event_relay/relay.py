"""The relay: holds the lease, reads changes, publishes their events, and moves the position when they have arrived.

It delivers at least once: after a crash, what arrived since the last stored position is sent again, with the same ids.
Where events go is the sink's matter (`sinks/sink.py`). Each failure of MongoDB or of the sink ends the session; the
next one begins at the last position.
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

from django.db import DatabaseError
from pymongo.database import Database
from pymongo.errors import PyMongoError

from event_relay.catch_up import MARGIN, batches_since
from event_relay.change import changed_at, read_change
from event_relay.change_stream import HistoryLost, Stream, change_stream, require_replica_set, watched_database
from event_relay.event import Event, or_unreadable
from event_relay.position import RENEWAL, CatchingUp, Lease, LeaseLost, Position
from event_relay.sinks.sink import Destination, DestinationGone, EventRejected, Sink
from persistence.timestamps import UTC
from workers.report import Report

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
CLOSE_TIMEOUT = 5.0
"""Seconds that events in flight have to arrive when the relay stops."""
TRANSIENT_ERRORS = (PyMongoError, DatabaseError, EventRejected)


class Relay:
    """One relay, active or on standby.

        Relay(kafka(), WorkerReport("event_relay", "events"), stop).run()

    Args:
        destination: Where events go.
        report: Where it reports its state, its lag and its failures.
        stop: Set it to end the relay.
        since: Catch up from this time when it becomes active first; None: only where changes are lost.
    """

    def __init__(
        self,
        destination: Destination,
        report: Report,
        stop: threading.Event,
        since: datetime.datetime | None = None,
    ) -> None:
        self._destination = destination
        self._from_change = {source.collection: source.from_change for source in destination.sources}
        self._transient_errors: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, *destination.transient_errors)
        self._report = report
        self._stop = stop
        self._since = since
        self._lost_since: datetime.datetime | None = None
        holder = f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(4)}"
        self._lease = Lease(destination.name, holder)
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
                if position.paused:
                    self._stay_paused(position.paused)
                    continue
                self._report.recovered("paused")
                self._work(position)
                pause = FIRST_PAUSE
            except LeaseLost as error:
                logger.warning("the lease is lost: %s", error)
            except DestinationGone as error:
                logger.error("%s is paused, until an operator resumes it: %s", self._destination.name, error)
                with suppress(PyMongoError, DatabaseError):
                    self._lease.pause(str(error))
            except HistoryLost as error:
                self._lost_since = (position.until if position and position.until else _now()) - MARGIN
                self._report.failed("history", f"the changes are lost; catching up from the collections: {error}")
                logger.error(
                    "MongoDB no longer has the changes after the last position (%s); catching up from the collections, "
                    "from %s on", error, self._lost_since.isoformat(),
                )  # fmt: skip
            except self._transient_errors as error:
                if self._report.failed("relay", f"{type(error).__name__}: {error}"):
                    logger.warning("relaying failed, and is retried: %s: %s", type(error).__name__, error)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _stand_by(self) -> None:
        """Wait before the next attempt to take the lease. Failures and catching up are the active relay's now."""
        self._report.enter("standby")
        for where in ("relay", "kafka", "history", "delivery", "paused"):
            self._report.recovered(where)
        self._report.lags({})
        self._lost_since = None
        self._stop.wait(RENEWAL)

    def _stay_paused(self, reason: str) -> None:
        self._report.enter("paused")
        self._report.recovered("delivery")
        self._report.failed("paused", reason)
        self._stop.wait(RENEWAL)

    def _work(self, position: Position) -> None:
        """Run one session from a position, until `stop` is set or something fails."""
        database = watched_database()
        require_replica_set(database.client.admin.command("hello"))
        sink = self._destination.open(self._report, position)
        self._renewed = time.monotonic()
        try:
            token = None if self._lost_since else position.token
            with self._lease.renewing(), change_stream(database, token, self._destination.sources) as stream:
                begin = position if token is not None else replace(position, token=stream.resume_token, until=_now())
                self._catch_up(database, sink, begin)
                logger.info("relaying to %s", self._destination.name)
                self._report.enter("relaying")
                self._report.recovered("relay")
                while not self._stop.is_set():
                    self._step(stream, sink)
        finally:
            sink.close(CLOSE_TIMEOUT if self._stop.is_set() else 0.0)
            with suppress(LeaseLost, PyMongoError, DatabaseError):
                self._lease.require()
                self._lease.renew(sink.acknowledged())
                self._lease.release()

    def _catch_up(self, database: Database[dict[str, Any]], sink: Sink, position: Position) -> None:
        """Send what the collections show of the time before the stream; then the stream begins at the position.

        How far it came is part of the position, so that the next session resumes after the last batch.
        """
        then = replace(position, catching_up=None)
        task = self._to_catch_up(position)
        if task is None:
            self._lease.renew(then)  # at once: a relay that is killed in its first second must not begin anew
            return
        self._lease.renew(replace(position, catching_up=task))
        self._since = self._lost_since = None
        logger.warning("catching up from %s; the changes follow", task.since.isoformat())
        self._report.enter("catching up")
        found = 0
        for batch in batches_since(database, self._destination.sources, task.since, task.after):
            sink.publish(batch.unreadable, None)
            for event in batch.events:
                sink.publish([event], None)
                found += 1
                self._keep_going(sink)
            sink.publish([], replace(then, catching_up=CatchingUp(task.since, batch.until)))
            self._keep_going(sink)
            if self._stop.is_set():
                return
        logger.warning("caught up: %d events since %s were sent", found, task.since.isoformat())
        sink.publish([], then)
        while sink.in_flight:
            sink.poll(0.1)
            self._keep_going(sink)
            if self._stop.is_set():
                return
        self._lease.renew(sink.acknowledged())
        self._report.recovered("history")

    def _to_catch_up(self, position: Position) -> CatchingUp | None:
        """What is left to catch up with. An instant before that of the stored position begins it anew."""
        wanted = [at for at in (self._since, self._lost_since) if at is not None]
        if not wanted:
            return position.catching_up
        begun = [position.catching_up.since] if position.catching_up is not None else []
        return CatchingUp(min(wanted + begun))

    def _step(self, stream: Stream, sink: Sink) -> None:
        asked = _now()
        raw = stream.try_next()
        if raw is not None and raw["operationType"] in ("insert", "update", "replace"):
            sink.publish(or_unreadable(self._events_of(raw), raw), Position(raw["_id"], changed_at(raw)))
        elif stream.resume_token is not None:  # nothing before `asked` is missing
            sink.publish([], Position(stream.resume_token, asked))
        self._keep_going(sink)

    def _keep_going(self, sink: Sink) -> None:
        """Handle acknowledgements, renew the lease, move the position; wait while the sink is full."""
        while True:
            self._lease.require()
            sink.poll()
            if time.monotonic() - self._renewed >= RENEWAL:
                self._lease.renew(sink.acknowledged())
                self._renewed = time.monotonic()
                behind = sink.oldest()
                self._report.lag("seconds", max(0.0, (_now() - behind).total_seconds()) if behind else 0.0)
                self._report.lag("events under way", sink.in_flight)
            if not sink.full() or self._stop.is_set():
                return
            sink.poll(0.1)

    def _events_of(self, raw: Mapping[str, Any]) -> Iterator[Event]:
        change = read_change(raw)
        yield from self._from_change[change.collection](change)


def _now() -> datetime.datetime:
    return datetime.datetime.now(UTC)
