"""Whether MongoDB takes writes, as readiness proves it: by one small durable write, seldom.

The document that is written is one for all processes, and says besides when one of them reached Redis last. A process
that cannot reach Redis so learns whether others can.
"""

from __future__ import annotations

import datetime
import math
import time
from uuid import uuid4

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError

from persistence.availability import AVAILABILITY, is_refusal
from persistence.database import connection
from persistence.mongodb import DURABLE, Document
from persistence.store_clock import store_clock
from persistence.timestamps import from_milliseconds, from_store

COLLECTION = "chozoi_readiness"
SELDOM = 5.0
"""Seconds for which a write proves that the next one will do."""
OTHERS_SINCE = 5.0
"""Seconds after this process lost Redis from which on another one that reaches it shows that Redis is there.

Processes that lose it together do so within less."""
_ID = "readiness"


class WriteProof:
    """What readiness asks of MongoDB beside an answer; for one process."""

    def __init__(self) -> None:
        self._process = uuid4().hex
        self._written_at = -math.inf
        self._redis_lost_at: datetime.datetime | None = None

    def write(self, *, redis_answers: bool) -> None:
        """Prove that MongoDB takes writes, unless that was proved a moment ago; and note that Redis answers.

        Args:
            redis_answers: Whether this process reaches Redis.

        Raises:
            PyMongoError: MongoDB takes none.
        """
        now = from_milliseconds(store_clock.milliseconds())
        self._redis_lost_at = None if redis_answers else self._redis_lost_at or now
        if time.monotonic() - self._written_at < SELDOM:
            return
        values: Document = {"written_at": now}
        if redis_answers:
            values |= {"redis_answered_at": now, "redis_answered_to": self._process}
        try:
            _collection().update_one({"_id": _ID}, {"$set": values}, upsert=True)
        except PyMongoError as error:
            if is_refusal(error):
                AVAILABILITY.failed(error)
            raise
        self._written_at = time.monotonic()
        AVAILABILITY.written()

    def others_reach_redis(self) -> bool:
        """Tell whether another process has reached Redis since this one does not."""
        if self._redis_lost_at is None:
            return False
        found = _collection().find_one({"_id": _ID}) or {}
        answered_at = found.get("redis_answered_at")
        if not isinstance(answered_at, datetime.datetime) or found.get("redis_answered_to") == self._process:
            return False
        return from_store(answered_at) > self._redis_lost_at + datetime.timedelta(seconds=OTHERS_SINCE)


def _collection() -> Collection[Document]:
    database: Database[Document] = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
    return database.get_collection(COLLECTION, write_concern=DURABLE)


write_proof = WriteProof()
"""The process's own."""
