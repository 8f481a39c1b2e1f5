"""The lease, and the position kept under it: only who holds the lease can move the position.

Both are one document, so that taking, renewing and moving are one atomic statement each. Time is MongoDB's own
(`$$NOW`): the clocks of the machines that relays run on do not matter.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson.codec_options import CodecOptions
from django.db import connection
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from conversations.instants import UTC
from conversations.store import Document, durable
from event_relay.models import RelayPosition

TERM = 10.0
"""Seconds for which a lease holds; another relay takes over RENEWAL seconds after that, at the latest."""
RENEWAL = 1.0
"""Seconds between two renewals, and between two looks of those who stand by."""


class LeaseLost(Exception):
    """Another relay holds the lease, or this one could not renew it in time."""


@dataclass(frozen=True, slots=True)
class Position:
    """`token`: where the change stream goes on; `None`: nothing was relayed yet. `until`: all before that is out."""

    token: Mapping[str, Any] | None
    until: datetime.datetime | None


class Lease:
    """One relay's claim on a topic. `holder`: a name no other relay has."""

    def __init__(self, topic: str, holder: str) -> None:
        self._topic = topic
        self._holder = holder
        self._valid_until = 0.0

    def take(self) -> Position | None:
        """Take the lease, if nobody holds it or its holder is silent. `None`: somebody does."""
        connection.ensure_connection()
        asked = time.monotonic()
        try:
            durable(RelayPosition).update_one({"_id": self._topic}, {"$setOnInsert": {"holder": ""}}, upsert=True)
        except DuplicateKeyError:  # two who were the first, at once
            pass
        # As numbers: SecantusDB does not compare a stored date with `$$NOW`.
        expired = {"$lt": [{"$toLong": "$expires_at"}, {"$toLong": "$$NOW"}]}
        free = {"$or": [{"$in": ["$holder", ["", self._holder]]}, expired]}
        found = self._change(
            {
                "holder": {"$cond": [free, self._holder, "$holder"]},
                "expires_at": {"$cond": [free, _TERM_FROM_NOW, "$expires_at"]},
            }
        )
        if found is None or found["holder"] != self._holder:
            return None
        self._valid_until = asked + TERM
        return Position(found.get("resume_token"), found.get("relayed_until"))

    def renew(self, position: Position | None = None) -> None:
        """Hold the lease for another term, and move the position. LeaseLost: it went to another, nothing was moved."""
        asked = time.monotonic()
        moved = {}
        if position is not None:
            moved = {"resume_token": {"$literal": position.token}, "relayed_until": position.until}
        found = self._change({"expires_at": _TERM_FROM_NOW, **moved}, holder=self._holder)
        if found is None:
            raise LeaseLost("another relay has taken over")
        self._valid_until = asked + TERM

    def require(self) -> None:
        """LeaseLost: the lease ran out, so that another may hold it."""
        if time.monotonic() >= self._valid_until:
            raise LeaseLost(f"the lease could not be renewed within {TERM:g} s")

    def release(self) -> None:
        """Let another relay begin at once."""
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


_TERM_FROM_NOW = {"$add": ["$$NOW", int(TERM * 1000)]}
