"""Ids of messages: unique across processes, sorting by time, and in step with `created_at`.

An id is 26 characters: 10 of the millisecond, 4 of a counter within it, 12 that are this process's own, all in
Crockford's base 32, whose letters sort as their values do. Within a process (created_at, id) only ever grows, also
when the clock is set back: time then stands still here until the clock has caught up. Between processes of one
millisecond the counter decides, then the process. The clock is MongoDB's, for all of them: a machine whose own is wrong
writes no message into the future, where nobody looks for what is new, nor into the past.
"""

from __future__ import annotations

import datetime
import os
import secrets
import threading
from collections.abc import Callable

from persistence.store_clock import store_clock
from persistence.timestamps import from_milliseconds

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PER_MILLISECOND = 32**4
"""Ids that one millisecond has, as four characters count them; the next one begins then, whatever the clock says."""


_TAG_LENGTH = 12

LAST_ID = "Z" * 26
"""No id of ours is greater; those of the old service, cuids, all are."""


def process_tag(message_id: str) -> str:
    """The part of an id that all ids of its process end in, and no others."""
    return message_id[-_TAG_LENGTH:]


def first_id_at(instant: datetime.datetime) -> str:
    """An id that is smaller than all those made at an instant or later."""
    return _base32(int(instant.timestamp() * 1000), 10)


def _base32(number: int, length: int) -> str:
    letters = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        letters.append(_ALPHABET[digit])
    return "".join(reversed(letters))


class MessageIds:
    """A source of ids. Threads may share it.

    Args:
        clock: Gives milliseconds since 1970. That of all processes is MongoDB's.
    """

    def __init__(self, clock: Callable[[], int] = store_clock.milliseconds) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._millisecond = 0
        self._counter = 0
        self._time_part = ""
        self._take_process_tag()

    def _take_process_tag(self) -> None:
        self._process = os.getpid()
        self._tag = _base32(secrets.randbits(5 * _TAG_LENGTH), _TAG_LENGTH)

    def next(self) -> tuple[str, datetime.datetime]:
        """Return a new id and its `created_at`, both greater than all given before."""
        with self._lock:
            if self._process != os.getpid():  # forked: the parent goes on under the old tag
                self._take_process_tag()
            self._advance_to(self._clock())
            message_id = f"{self._time_part}{_base32(self._counter, 4)}{self._tag}"
            self._counter += 1
            return message_id, from_milliseconds(self._millisecond)

    def cutoff(self) -> datetime.datetime:
        """Return an instant between the messages so far and those to come: every later `created_at` is greater.

        For "all up to now", as when a side deletes its history.
        """
        with self._lock:
            self._advance_to(self._clock())
            instant = from_milliseconds(self._millisecond)
            self._advance_to(self._millisecond + 1)
            return instant

    def _advance_to(self, millisecond: int) -> None:
        if self._counter >= PER_MILLISECOND:
            millisecond = max(millisecond, self._millisecond + 1)
        if millisecond > self._millisecond:
            self._millisecond = millisecond
            self._counter = 0
            self._time_part = _base32(millisecond, 10)


message_ids = MessageIds()
"""The process's own."""
