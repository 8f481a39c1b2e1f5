"""Repair of what was cut off between the two writes of a message: the insert, and the update of its room's summary.

MongoDB or this process may vanish between the two writes, or within one. When MongoDB answers again:

- *Insert unknown*: the insert failed, so its sender got `store_unavailable`, but the message may be stored. If it is,
  its room's summary is rebuilt and the message is announced (the sender sees it appear; a repeat is answered with it).
- *Summary unknown*: the message is stored, announced and acknowledged, but the update of its room failed and may have
  taken effect all the same. The room's summary is rebuilt.
- *Summary behind*: a repeat came of a stored message that its room does not show. Either another process is between
  its two writes, or a process died there (its sender, unanswered, repeats). After GRACE seconds it is the latter: the
  room's summary is rebuilt and the message is announced. A room that has got a later message since is not recognized:
  then the message is in the history, but the counter lacks it until the receiver has seen the room.

The queue does not outlive the process. After a crash the clients' repeats bring such messages up.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from conversations.models import Message, Room
from conversations.storage.changes import CHANGED, note_messages_changed
from conversations.storage.room_summaries import age, is_behind, rebuild_room_summary
from persistence.availability import is_outage
from persistence.mongodb import TIMEOUT, Document, durable, in_message_thread, until_done

logger = logging.getLogger(__name__)

GRACE = TIMEOUT + 5.0
"""Seconds after which no living process can still be between its two writes of a message: one call makes both."""

AT_ONCE = 25
"""Messages repaired in one call of the store: each may be a room to rebuild, and all new messages wait meanwhile. If a
call had to repair all that is due, an outage with many rooms might never be repaired within the time of one call."""


@dataclass(frozen=True, slots=True)
class _Entry:
    message: Document
    announced: bool
    only_if_behind: bool
    due: float


class RepairQueue:
    """The messages of one writer that need repair.

    Args:
        clock: Seconds, never decreasing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    def inserts_unknown(self, messages: Iterable[Document]) -> None:
        """Queue messages whose insert failed."""
        self._add(messages, announced=False)

    def summaries_unknown(self, messages: Iterable[Document]) -> None:
        """Queue stored messages whose rooms could not be updated."""
        self._add(messages, announced=True)

    def summary_behind(self, message: Document) -> None:
        """Queue a stored message that its room does not show."""
        self._entries.setdefault(message["_id"], _Entry(message, False, True, self._clock() + GRACE))

    def _add(self, messages: Iterable[Document], *, announced: bool) -> None:
        now = self._clock()
        self._entries.update({message["_id"]: _Entry(message, announced, False, now) for message in messages})

    def has_unannounced(self) -> bool:
        """Tell whether messages are queued that are not announced, as far as is known."""
        return any(not entry.announced for entry in self._entries.values())

    def next_due(self) -> float | None:
        """Seconds until a repair is due, 0 if one is due now; `None`: the queue is empty."""
        if not self._entries:
            return None
        return max(0.0, min(entry.due for entry in self._entries.values()) - self._clock())

    async def repair(self) -> list[Document]:
        """Repair the oldest of what is due, at most AT_ONCE messages.

        Returns:
            The stored messages that are still to be announced, as they are now, the oldest first.

        Raises:
            StoreUnavailable: All of them stay in the queue.
        """
        now = self._clock()
        due = sorted((entry for entry in self._entries.values() if entry.due <= now), key=_age)[:AT_ONCE]
        if not due:
            return []
        stored = await in_message_thread(_repair, due)
        for entry in due:
            self._entries.pop(entry.message["_id"], None)
        return [entry.message for entry in sorted(stored, key=_age) if not entry.announced]


def _age(entry: _Entry) -> tuple[float, str]:
    return age(entry.message)


def _repair(entries: list[_Entry]) -> list[_Entry]:
    # As they are stored: since they were written they may have been seen, edited or redacted.
    ids, rooms = zip(*((entry.message["_id"], entry.message["room_id"]) for entry in entries), strict=True)
    found = durable(Message).find({"_id": {"$in": ids}, "room_id": {"$in": list(set(rooms))}})
    stored = {message["_id"]: message for message in found}
    by_room: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        if (message := stored.get(entry.message["_id"])) is not None:
            by_room[message["room_id"]].append(replace(entry, message=message))
    repaired: list[_Entry] = []
    for room_id, of_room in by_room.items():
        try:
            repaired += _repair_room(room_id, of_room)
        except Exception as error:  # one room that cannot be read must not keep all others' messages waiting
            if is_outage(error):
                raise
            logger.exception("the summary of room %s could not be rebuilt", room_id)
            repaired += [entry for entry in of_room if not entry.only_if_behind]
    return repaired


def _repair_room(room_id: str, entries: list[_Entry]) -> list[_Entry]:
    """Rebuild a room's summary, unless it shows all messages that are there `only_if_behind`. Those that needed it."""
    room = durable(Room).find_one({"_id": room_id})
    lost = [entry for entry in entries if not entry.only_if_behind or (room and is_behind(room, entry.message))]
    if lost and room is not None:
        rebuild_room_summary(room, [entry.message for entry in lost])
        # By now they may be too old for a sync to look for them among the new ones.
        ids = [entry.message["_id"] for entry in lost]
        until_done(lambda: durable(Message).update_many({"_id": {"$in": ids}, "room_id": room_id}, CHANGED))
        note_messages_changed(room_id)
    return lost
