"""The lease, and the position under it: only the relay that holds the lease can move the position.

Both are in one document, so that taking, renewing and moving are one atomic statement each. Time is MongoDB's own
(`$$NOW`): the clocks of the relays' machines do not matter.
"""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from bson.codec_options import CodecOptions
from django.db import DatabaseError
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError, PyMongoError

from event_relay.models import RelayPosition
from persistence.database import connection
from persistence.mongodb import Document, durable
from persistence.timestamps import UTC

TERM = 10.0
"""Seconds for which a lease holds; another relay takes over RENEWAL seconds after that, at the latest."""
RENEWAL = 1.0
"""Seconds between two renewals, and between two looks of those who stand by."""


class LeaseLost(Exception):
    """Another relay holds the lease, or this one could not renew it in time."""


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """How far catching up came.

    Attributes:
        since: From when on events are read from the collections.
        after: The last room of the last batch that Kafka has; None: no batch is there yet.
    """

    since: datetime.datetime
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the changes are in Kafka.

    Attributes:
        token: The resume token of the last change that Kafka has; None: nothing was relayed yet.
        until: Kafka has all changes before this time.
        catching_up: What the collections still have to show before the changes; None: nothing.
    """

    token: Mapping[str, Any] | None
    until: datetime.datetime | None
    catching_up: CatchingUp | None = None


class Lease:
    """One relay's lease on a topic.

        lease = Lease("chozoi.conversations.events", "host.4711")
        position = lease.take()
        if position is not None:
            with lease.renewing():
                …
                lease.renew(new_position)

    Args:
        topic: The topic.
        holder: A name that no other relay has.
    """

    def __init__(self, topic: str, holder: str) -> None:
        self._topic = topic
        self._holder = holder
        self._valid_until = 0.0

    def take(self) -> Position | None:
        """Take the lease, unless another relay holds it.

        Returns:
            The stored position; None: another relay holds the lease.
        """
        connection.ensure_connection()
        asked = time.monotonic()
        try:
            durable(RelayPosition).update_one({"_id": self._topic}, {"$setOnInsert": {"holder": ""}}, upsert=True)
        except DuplicateKeyError:  # two who were the first, at once
            pass
        # Both as milliseconds since 1970.
        expired = {"$lt": [{"$toLong": "$expires_at"}, {"$toLong": "$$NOW"}]}
        free = {"$or": [{"$in": ["$holder", ["", self._holder]]}, expired]}
        found = self._change(
            {
                "holder": {"$cond": [free, self._holder, "$holder"]},
                "expires_at": {"$cond": [free, TERM_FROM_NOW, "$expires_at"]},
            }
        )
        if found is None or found["holder"] != self._holder:
            return None
        self._valid_until = asked + TERM
        catching_up = found.get("catching_up")
        return Position(
            found.get("resume_token"),
            found.get("relayed_until"),
            CatchingUp(catching_up["since"], catching_up["after"]) if catching_up else None,
        )

    def renew(self, position: Position | None = None) -> None:
        """Extend the lease by TERM seconds and store a position.

        Args:
            position: The new position; None: it stays.

        Raises:
            LeaseLost: Another relay holds the lease; nothing was stored.
        """
        asked = time.monotonic()
        moved = {}
        if position is not None:
            catching_up = None if position.catching_up is None else asdict(position.catching_up)
            moved = {
                "resume_token": {"$literal": position.token},
                "relayed_until": position.until,
                "catching_up": {"$literal": catching_up},
            }
        found = self._change({"expires_at": TERM_FROM_NOW, **moved}, holder=self._holder)
        if found is None:
            raise LeaseLost("another relay has taken over")
        self._valid_until = asked + TERM

    def require(self) -> None:
        """Check that the lease is still valid.

        Raises:
            LeaseLost: It ran out, so another relay may hold it.
        """
        if time.monotonic() >= self._valid_until:
            raise LeaseLost(f"the lease could not be renewed within {TERM:g} s")

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Renew the lease every RENEWAL seconds in a thread while the block runs, however long one step of it takes.

        While MongoDB does not answer it is not renewed; `require` then raises when it has run out.
        """
        done = threading.Event()

        def keep() -> None:
            connection.ensure_connection()  # this thread's
            try:
                while not done.wait(RENEWAL):
                    with suppress(PyMongoError, DatabaseError):
                        self.renew()
            except LeaseLost:
                self._valid_until = 0.0

        keeper = threading.Thread(target=keep, name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()

    def release(self) -> None:
        """Give up the lease, so that another relay takes over at once."""
        self._change({"holder": ""}, holder=self._holder)

    def _change(self, values: Document, **condition: str) -> Document | None:
        aware: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
        found: Document | None = (
            durable(RelayPosition)
            .with_options(aware)
            .find_one_and_update(
                {"_id": self._topic, **condition}, [{"$set": values}], return_document=ReturnDocument.AFTER
            )
        )
        return found


TERM_FROM_NOW = {"$add": ["$$NOW", int(TERM * 1000)]}
