"""Whether MongoDB answers: which errors are an outage, and the lines in the log when one begins and ends."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

from django.db import DatabaseError
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError, WriteConcernError

logger = logging.getLogger(__name__)


class StoreUnavailable(Exception):
    """MongoDB is out of reach, has no primary, or did not answer in time. The same call may succeed in a moment.

    The text is for people, clients among them; the log says what exactly failed.
    """


_PASSING_CODES: Final = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        50,  # MaxTimeMSExpired
        64,  # WriteConcernTimeout
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern
        133,  # FailedToSatisfyReadPreference
        134,  # ReadConcernMajorityNotAvailableYet
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)
"""Errors that a MongoDB answers which cannot do it now, and could later."""
_REFUSAL_CODES: Final = frozenset(
    {
        371,  # UserWritesBlocked
        8000,  # AtlasError: over the quota of space
        14031,  # OutOfDiskSpace
    }
)
"""Errors that a MongoDB answers which reads, and takes no writes until somebody makes room or lets it."""
_PASSING_LABELS: Final = ("RetryableWriteError", "TransientTransactionError", "SystemOverloadedError")


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's error that Django's error wraps; any other error itself."""
    return error.__cause__ if isinstance(error, DatabaseError) and error.__cause__ is not None else error


def is_outage(error: BaseException) -> bool:
    """Tell whether an error says that MongoDB cannot do it now: it is out of reach, has no primary, did not answer in
    time, or refuses writes.

    Any other error is a defect: of this program, of the database's rights, of its indexes.

    Args:
        error: The driver's error, or Django's that wraps it.
    """
    cause = cause_of(error)
    if isinstance(cause, ConnectionFailure | WriteConcernError):
        return True
    if not isinstance(cause, PyMongoError):
        return False
    if cause.timeout or any(cause.has_error_label(label) for label in _PASSING_LABELS):
        return True
    codes = _codes(cause)
    return bool(codes) and codes <= _PASSING_CODES | _REFUSAL_CODES


def is_refusal(error: BaseException) -> bool:
    """Tell whether an error says that MongoDB answers, and takes no writes: its disk is full, or writes are blocked."""
    codes = _codes(cause_of(error))
    return bool(codes) and codes <= _REFUSAL_CODES


def _codes(cause: BaseException) -> set[int | None]:
    """The codes of what MongoDB refused; of a bulk write whose concern alone was not met, one that passes."""
    if isinstance(cause, BulkWriteError):
        details = cast("dict[str, Any]", cause.details)
        codes: set[int | None] = {refused.get("code") for refused in details.get("writeErrors", [])}
        return codes or ({64} if details.get("writeConcernErrors") else set())
    return {cause.code} if isinstance(cause, OperationFailure) else set()


def brief(error: BaseException) -> str:
    """Return what an error says, at most 300 characters, without the driver's description of the whole topology.

    Args:
        error: An error of a store's driver. The name of its class stands for an empty text.
    """
    return str(error).split(", Timeout:")[0].split(", full error:")[0][:300] or type(error).__name__


class Availability:
    """Whether MongoDB answered the last operations, of all threads of this process.

    An operation is a piece of work with MongoDB in one thread, of one or more statements.

    Args:
        clock: Gives seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._away_since: float | None = None
        self._answered_at = self._back_at = -math.inf
        self._refusing_since: float | None = None
        self.refusals = 0  # writes that were refused since then, or in the last such time
        self._operation = threading.local()
        self._running: dict[int, float] = {}  # when the operation of a thread began

    def away_for(self) -> float | None:
        """Seconds since the start of the operation that found MongoDB away; None: it answers, as far as is known."""
        away_since = self._away_since
        return None if away_since is None else self._clock() - away_since

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Watch one operation of this thread: note an outage that ends it, or that MongoDB answered."""
        began, thread = self._clock(), threading.get_ident()
        self._operation.began, self._operation.failed = began, False
        self._running[thread] = began
        try:
            yield
        except Exception as error:
            if is_outage(error):
                self.failed(error)
            raise
        finally:
            self._running.pop(thread, None)
        if not self._operation.failed:
            self.answered()

    def failed(self, error: BaseException) -> None:
        """Note an outage, also one within an operation that goes on.

        If other operations were answered since this one began, MongoDB is there, and this operation alone was too slow.
        A MongoDB that refuses writes is there, too.
        """
        if is_refusal(error):
            self._refused(error)
            return
        self._operation.failed = True
        began: float = getattr(self._operation, "began", self._clock())
        with self._lock:
            if self._away_since is not None:
                return
            if self._answered_at > began:
                level = logging.INFO if began < self._back_at else logging.WARNING  # of an outage that was logged
                logger.log(level, "The message store did not answer one of many in time: %s", _described(error))
                return
            self._away_since = began
        logger.error("The message store is away: %s", _described(error))

    def unanswered_for(self) -> float:
        """Seconds since the oldest operation under way began, if none was answered since; else 0."""
        began = self._oldest()
        return 0.0 if self._answered_at > began else max(0.0, self._clock() - began)

    def not_there(self, error: BaseException) -> None:
        """Note that MongoDB did not even answer a ping, while operations go on to wait for it.

        Args:
            error: What the ping ended with.
        """
        with self._lock:
            if self._away_since is not None or self.unanswered_for() == 0:
                return
            self._away_since = self._oldest()
        logger.error("The message store is away: %s", _described(error))

    def _oldest(self) -> float:
        """When the oldest operation under way began; without any, in time to come."""
        return min(list(self._running.values()), default=math.inf)

    def answered(self) -> None:
        """Note that MongoDB answers."""
        now = self._answered_at = self._clock()
        if self._away_since is None:
            return
        with self._lock:
            away_since, self._away_since, self._back_at = self._away_since, None, now
        if away_since is not None:
            logger.warning("The message store is back after %.1f s.", now - away_since)

    def written(self) -> None:
        """Note that MongoDB took a write."""
        if self._refusing_since is None:
            return
        with self._lock:
            since, self._refusing_since = self._refusing_since, None
        if since is not None:
            seconds = self._clock() - since
            logger.warning("The message store takes writes again after %.1f s; it refused %d.", seconds, self.refusals)

    def _refused(self, error: BaseException) -> None:
        with self._lock:
            begins = self._refusing_since is None
            if begins:
                self._refusing_since, self.refusals = self._clock(), 0
            self.refusals += 1
        if begins:
            logger.error("The message store refuses writes: %s", _described(error))


AVAILABILITY: Final = Availability()
"""That of the process."""


def _described(error: BaseException) -> str:
    cause = cause_of(error)
    return f"{type(cause).__name__}: {brief(cause)}"
