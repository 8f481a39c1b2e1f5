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

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conversations.models import Message, Room
from conversations.room_accounts import is_behind, recount
from conversations.store import TIMEOUT, in_store_thread

GRACE = 2 * TIMEOUT
"""Seconds after which no living process can still be between its two writes of a message."""


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
        """Finish what is due; returns the stored messages still to be announced, oldest first.

        RuleViolation `store_unavailable`: not now; everything is still remembered.
        """
        now = self._clock()
        due = [entry for entry in self._entries.values() if entry.due <= now]
        if not due:
            return []
        stored = await in_store_thread(_finish, due)
        for entry in due:
            self._entries.pop(entry.message.message_id, None)
        unannounced = [entry.message for entry in stored if not entry.announced]
        return sorted(unannounced, key=lambda message: (message.created_at, message.message_id))


def _finish(entries: list[_Entry]) -> list[_Entry]:
    ids = [entry.message.message_id for entry in entries]
    stored = set(Message.objects.filter(pk__in=ids).values_list("pk", flat=True))
    by_room: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        if entry.message.message_id in stored:
            by_room[entry.message.room_id].append(entry)
    finished: list[_Entry] = []
    for room_id, of_room in by_room.items():
        room = Room.objects.filter(pk=room_id).first()
        lost = [entry for entry in of_room if not entry.suspect or (room and is_behind(room, entry.message))]
        if lost:
            recount(room_id, [entry.message for entry in lost])
            finished += lost
    return finished
