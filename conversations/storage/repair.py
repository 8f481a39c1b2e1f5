"""Messages whose way into the store was cut off: remembered here until it is known what became of them, then finished.

Storing a message and telling its room are two writes, and between them, or within one, MongoDB or this process may
vanish. What can have happened, and what is done about it once MongoDB answers again:

- *In doubt*: the insert failed, so the sender was told `store_unavailable`; it may have arrived all the same. If it
  did, its room is recounted and it is announced now (the sender sees it appear; a repeat is answered with it).
- *Not accounted*: stored, announced and acknowledged, but the room's update failed and may or may not have arrived.
  Its room is recounted.
- *Suspect*: a repeat came for a message that is stored but that its room has not heard of. Either another process is
  just writing it, or one died between its two writes (its sender, unanswered, repeats). After GRACE seconds it is the
  latter: its room is recounted and it is announced. Not seen by this: a room that has meanwhile got a later message;
  then the lost one is in the history, but missing in the counter, until the receiver has seen the room.

Nothing here outlives the process: after a crash it is the clients' repeats that bring suspects up.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from conversations.models import Message, Room
from conversations.storage.room_summaries import is_behind, recount
from persistence.availability import is_outage
from persistence.mongodb import TIMEOUT, in_store_thread

logger = logging.getLogger(__name__)

GRACE = TIMEOUT + 5.0
"""Seconds after which no living process can still be between its two writes of a message: both are of one visit."""

AT_ONCE = 25
"""Messages finished in one visit to the store: each may be a room to recount, and all new messages wait meanwhile. Were
it all that is due, a batch of many rooms might never be done within the time that one visit has."""


@dataclass(frozen=True, slots=True)
class _Entry:
    message: Message
    announced: bool
    suspect: bool
    due: float


class Unfinished:
    """The unfinished messages of one writer, and how to finish them. `clock`: seconds, only ever growing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    def in_doubt(self, messages: Iterable[Message]) -> None:
        """Their insert failed."""
        self._add(messages, announced=False)

    def not_accounted(self, messages: Iterable[Message]) -> None:
        """They are stored; the update of their rooms failed."""
        self._add(messages, announced=True)

    def suspect(self, message: Message) -> None:
        """A repeat found this one stored, its room behind."""
        self._entries.setdefault(message.message_id, _Entry(message, False, True, self._clock() + GRACE))

    def _add(self, messages: Iterable[Message], *, announced: bool) -> None:
        now = self._clock()
        self._entries.update({message.message_id: _Entry(message, announced, False, now) for message in messages})

    def next_due(self) -> float | None:
        """Seconds until something can be finished, 0 if it can now; `None`: nothing is unfinished."""
        if not self._entries:
            return None
        return max(0.0, min(entry.due for entry in self._entries.values()) - self._clock())

    async def finish(self) -> list[Message]:
        """Finish some of what is due, as `next_due` says; returns the stored messages still to be announced.

        The oldest first, as they are now. StoreUnavailable: not now; all of them are still remembered.
        """
        now = self._clock()
        due = sorted((entry for entry in self._entries.values() if entry.due <= now), key=_age)[:AT_ONCE]
        if not due:
            return []
        stored = await in_store_thread(_finish, due)
        for entry in due:
            self._entries.pop(entry.message.message_id, None)
        return [entry.message for entry in sorted(stored, key=_age) if not entry.announced]


def _age(entry: _Entry) -> tuple[object, str]:
    return (entry.message.created_at, entry.message.message_id)


def _finish(entries: list[_Entry]) -> list[_Entry]:
    # As they are stored: since they were written they may have been seen, edited or redacted.
    ids, rooms = zip(*((entry.message.message_id, entry.message.room_id) for entry in entries), strict=True)
    stored = {message.pk: message for message in Message.objects.filter(pk__in=ids, room_id__in=set(rooms))}
    by_room: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        if (message := stored.get(entry.message.message_id)) is not None:
            by_room[message.room_id].append(replace(entry, message=message))
    finished: list[_Entry] = []
    for room_id, of_room in by_room.items():
        try:
            finished += _make_good(room_id, of_room)
        except Exception as error:  # one room that cannot be read must not keep all others' messages waiting
            if is_outage(error):
                raise
            logger.exception("room %s could not be made good", room_id)
            finished += [entry for entry in of_room if not entry.suspect]
    return finished


def _make_good(room_id: str, entries: list[_Entry]) -> list[_Entry]:
    """Recount a room, unless all that is said of it are suspicions that prove wrong. Those that were true."""
    room = Room.objects.filter(pk=room_id).first()
    lost = [entry for entry in entries if not entry.suspect or (room and is_behind(room, entry.message))]
    if lost:
        recount(room_id, [entry.message for entry in lost])
    return lost
