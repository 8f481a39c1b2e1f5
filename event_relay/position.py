"""The lease on a destination, and the position under it, which only the relay that holds the lease can move.

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
        after: The last room of the last batch whose events have arrived; None: none have.
    """

    since: datetime.datetime
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the events of the changes have arrived.

    Attributes:
        token: The resume token of the last change whose events have arrived; None: nothing was relayed yet.
        until: The events of all changes before this time have arrived.
        catching_up: What the collections still have to show before the changes; None: nothing.
        ahead: Ids of documents whose changes come later, and whose events have arrived all the same.
        paused: Why nothing is relayed until an operator resumes it; empty: it is relayed.
    """

    token: Mapping[str, Any] | None
    until: datetime.datetime | None
    catching_up: CatchingUp | None = None
    ahead: tuple[str, ...] = ()
    paused: str = ""


class Lease:
    """One relay's lease on a destination.

        lease = Lease("chozoi.conversations.events", "host.4711")
        position = lease.take()
        if position is not None:
            with lease.renewing():
                …
                lease.renew(new_position)

    Args:
        destination: The destination's name.
        holder: A name that no other relay has.
    """

    def __init__(self, destination: str, holder: str) -> None:
        self._destination = destination
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
            durable(RelayPosition).update_one({"_id": self._destination}, {"$setOnInsert": {"holder": ""}}, upsert=True)
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
            tuple(found.get("ahead") or ()),
            found.get("paused") or "",
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
                "ahead": {"$literal": list(position.ahead)},
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

    def pause(self, reason: str) -> None:
        """Have nothing relayed to the destination, by this relay or another one, until `resume`.

        Args:
            reason: Why; not empty.
        """
        self._change({"paused": {"$literal": reason}})

    def resume(self) -> bool:
        """Undo `pause`. Returns whether it was paused."""
        found = durable(RelayPosition).find_one_and_update({"_id": self._destination}, {"$set": {"paused": ""}})
        return bool(found and found.get("paused"))

    def release(self) -> None:
        """Give up the lease, so that another relay takes over at once."""
        self._change({"holder": ""}, holder=self._holder)

    def _change(self, values: Document, **condition: str) -> Document | None:
        aware: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
        found: Document | None = (
            durable(RelayPosition)
            .with_options(aware)
            .find_one_and_update(
                {"_id": self._destination, **condition}, [{"$set": values}], return_document=ReturnDocument.AFTER
            )
        )
        return found


TERM_FROM_NOW = {"$add": ["$$NOW", int(TERM * 1000)]}
