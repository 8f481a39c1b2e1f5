"""The writer of messages: a group commit of one insert a batch and one update a room, then the announcements.

A message is announced and acknowledged when MongoDB has it on disk (majority, journal), in the order of
(created_at, _id). `repair` completes what fails between the two writes. The services check the rules before a message
comes here. What a process has stored and not announced when it dies, another one announces: see `checkpoint`. One
batch follows the other: to insert the next one while the rooms of this one are updated gained nothing
when it was tried.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Iterable, Sequence
from contextvars import Context
from dataclasses import dataclass, field

from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from conversations.announcements import announce_message
from conversations.errors import overloaded
from conversations.images.files import image_in
from conversations.models import Message, Room
from conversations.payloads import MessagePayload
from conversations.requests import Draft
from conversations.signals import batch_written, draft_submitted, limit_reached
from conversations.storage.checkpoint import Checkpoint, checkpoint_of, forget, stored_since
from conversations.storage.message_counter import MessageCounter
from conversations.storage.message_ids import message_ids
from conversations.storage.repair import RepairQueue
from conversations.storage.room_summaries import is_behind, update_room_summaries
from identity import Role
from persistence.availability import AVAILABILITY, StoreUnavailable, is_outage
from persistence.batching import GroupCommit, NotTaken
from persistence.mongodb import (
    STORE_ERRORS,
    TIMEOUT,
    Document,
    durable,
    in_message_thread,
    in_parts,
    in_store_thread,
    store_unavailable,
)
from persistence.per_event_loop import PerLoop
from presence import current as current_presence
from presence import on_death
from socketio_bridge import flush

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5
"""Seconds between two attempts at a repair; each failure doubles them."""
LONGEST_PAUSE = 15.0
BATCH_SECONDS = 0.1
"""Seconds by which the further messages of senders with many may make a batch longer: others wait for it."""
_DUPLICATE_KEY = 11000
_AT_ONCE = 100  # messages of a dead process that are announced before others have their turn


@dataclass(slots=True)
class _Batch:
    """The documents of a batch and what came of them, by position. What is in neither dict is newly stored.

    `firsts`: the stored message of which this one is a repeat. `behind`: first messages that their rooms do not show.
    """

    records: list[Document]
    receivers: list[Role | None]
    firsts: dict[int, Document] = field(default_factory=dict)
    failures: dict[int, Exception] = field(default_factory=dict)
    behind: list[Document] = field(default_factory=list)
    inserts_unknown: bool = False
    summaries_unknown: bool = False

    def new(self) -> list[int]:
        """The positions of the newly stored messages."""
        return [at for at in range(len(self.records)) if at not in self.firsts and at not in self.failures]

    def fail(self, positions: Iterable[int], error: Exception) -> None:
        """Note that these messages were refused for an outage, which is logged."""
        for position in positions:
            self.failures.setdefault(position, store_unavailable(error))


class MessageWriter:
    """Stores and announces messages for one event loop. Use `message_writer()`."""

    def __init__(self) -> None:
        self.repairs = RepairQueue()
        self._group: GroupCommit[Draft, MessagePayload] = GroupCommit(self._commit, max_seconds=BATCH_SECONDS)
        self._counter = MessageCounter()
        self._checkpoint = Checkpoint(current_presence().process_id)
        self._lock = asyncio.Lock()
        self._repairing: asyncio.Task[None] | None = None
        self._storing = 0.0  # seconds that the last batch took to store; infinite: that failed

    def start(self) -> None:
        """Have a checkpoint in Redis before there is a message. Without it the first `write` sees to that."""
        self._checkpoint.start()

    async def write(self, draft: Draft, *, deadline: float | None = None) -> MessagePayload:
        """Store a message and announce it. A repeat is not announced.

        A caller that is cancelled does not take back the message.

        Args:
            draft: The message. The rules allow it.
            deadline: When, by `time.monotonic`, its sender has given it up: it is not stored later.

        Returns:
            The message as it was announced; of a repeat, the first one.

        Raises:
            StoreUnavailable: MongoDB does not answer. The message may be stored, and is then announced later.
            RuleViolation: `overloaded`. The message is not stored.
        """
        draft_submitted.send(sender=type(self), draft=draft)
        try:
            return await self._group.submit(draft, key=draft.sender, deadline=deadline)
        except NotTaken as error:
            limit_reached.send(sender=None, limit="waiting_messages")
            raise overloaded(error) from None

    async def close(self) -> None:
        """Take no more messages; return when those taken are stored and announced."""
        await self._group.close()
        with contextlib.suppress(StoreUnavailable):
            async with self._lock:
                await self._repair_due()
        if self._repairing is not None:
            self._repairing.cancel()
            await asyncio.wait([self._repairing])
        await self._counter.close()
        await self._checkpoint.close()

    async def announce_for(self, process_id: str) -> None:
        """Announce what a process stored and did not announce before it died, and repair the rooms of it.

        Args:
            process_id: The process, as presence knows it.

        Raises:
            StoreUnavailable: Nothing was announced. REDIS_AWAY: likewise.
        """
        checkpoint = await checkpoint_of(process_id)
        if checkpoint is None:
            return
        messages, behind = await in_store_thread(_left_by, checkpoint)
        if messages:
            logger.warning(
                "A process died with %d messages that it may not have announced: they are now.", len(messages)
            )
        for first in range(0, len(messages), _AT_ONCE):
            await _announce(MessagePayload.read(message) for message in messages[first : first + _AT_ONCE])
            await asyncio.sleep(0)
        self.repairs.summaries_unknown(behind)
        self._repair_soon()
        if await flush():
            await forget(process_id)

    async def _commit(self, drafts: Sequence[Draft]) -> Sequence[MessagePayload | Exception]:
        began, waited = time.monotonic(), self._group.waited
        async with self._lock:
            await self._repair_due()
            self._checkpoint.begin()
            self._storing = math.inf
            try:
                return await self._store_and_announce(drafts)
            finally:
                self._checkpoint.end(announced=not self.repairs.has_unannounced())
                seconds = time.monotonic() - began
                storing = min(seconds, self._storing)
                batch_written.send(sender=type(self), drafts=drafts, waited=waited, seconds=seconds, storing=storing)

    async def _store_and_announce(self, drafts: Sequence[Draft]) -> Sequence[MessagePayload | Exception]:
        began = time.monotonic()
        batch = _Batch([_record(draft) for draft in drafts], [draft.receiver for draft in drafts])
        try:
            await in_message_thread(_store, batch)
        except StoreUnavailable:  # before anything was written
            raise
        except Exception:  # a defect, and it is unknown after which step
            self.repairs.inserts_unknown(batch.records)
            self._repair_soon()
            raise
        self._storing = time.monotonic() - began
        new = [batch.records[position] for position in batch.new()]
        if self._storing > TIMEOUT:  # later than a sync looks for them by `created_at`
            batch.summaries_unknown = True
        self._note_repairs(batch, new)
        self._counter.add(len(new))
        payloads = {record["_id"]: MessagePayload.read(record) for record in new}
        await _announce(payloads.values())
        return [
            batch.failures.get(position) or payloads.get(record["_id"]) or MessagePayload.read(batch.firsts[position])
            for position, record in enumerate(batch.records)
        ]

    def _note_repairs(self, batch: _Batch, new: list[Document]) -> None:
        if batch.inserts_unknown:
            self.repairs.inserts_unknown(batch.records[position] for position in batch.failures)
        if batch.summaries_unknown:
            self.repairs.summaries_unknown(new)
        for message in batch.behind:
            self.repairs.summary_behind(message)
        self._repair_soon()

    def _repair_soon(self) -> None:
        if self._repairing is None and self.repairs.next_due() is not None:
            self._repairing = asyncio.get_running_loop().create_task(self._repair_later(), context=Context())

    async def _repair_due(self) -> None:
        while self.repairs.next_due() == 0:
            await _announce(MessagePayload.read(message) for message in await self.repairs.repair())
            self._checkpoint.end(announced=not self.repairs.has_unannounced())

    async def _repair_later(self) -> None:
        """Repair without waiting for the next message to come."""
        pause = FIRST_PAUSE
        try:
            while (due := self.repairs.next_due()) is not None:
                await asyncio.sleep(max(due, pause))
                try:
                    async with self._lock:
                        await self._repair_due()
                    pause = FIRST_PAUSE
                except Exception as error:
                    if not isinstance(error, StoreUnavailable):  # which has been logged
                        logger.exception("messages wait to be repaired")
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            self._repairing = None


def _record(draft: Draft) -> Document:
    """The document of a new message. `created_at` and `_id` stand first: see `models.MessageFields`."""
    message_id, created_at = message_ids.next()
    record = {
        "created_at": created_at,
        "_id": message_id,
        "room_id": draft.room_id,
        "from": draft.sender,
        "to": draft.recipient,
        "type": draft.type,
        "content": draft.content,
        "is_seen": False,
        "updated_at": created_at,
        "__v": 0,
    }
    if draft.client_message_id is not None:
        record["client_message_id"] = draft.client_message_id
    if (dedup_key := draft.dedup_key()) is not None:
        record["dedup_key"] = dedup_key
    if (image := image_in(draft.type, draft.content)) is not None:
        record["image"] = image
    return record


def _store(batch: _Batch) -> None:
    try:
        durable(Message).insert_many(batch.records, ordered=False)
    except BulkWriteError as error:
        _sort_out(error, batch)
    except PyMongoError as error:
        if not is_outage(error):
            raise
        batch.inserts_unknown = True
        batch.fail(range(len(batch.records)), error)
    new = [(batch.records[position], batch.receivers[position]) for position in batch.new()]
    try:
        update_room_summaries(new)
    except PyMongoError as error:  # they are stored all the same
        if is_outage(error):
            AVAILABILITY.failed(error)
        else:
            logger.exception("the summaries of the rooms of %d stored messages could not be updated", len(new))
        batch.summaries_unknown = True
    else:
        if new:
            AVAILABILITY.written()


def _sort_out(error: BulkWriteError, batch: _Batch) -> None:
    """Distinguish repeats and failures in what an unordered insert reports."""
    records = batch.records
    refused = {problem["index"]: problem for problem in error.details["writeErrors"]}
    repeats = {position for position, problem in refused.items() if problem["code"] == _DUPLICATE_KEY}
    # Without a dedup_key only a message's own _id can be there already: the driver sent this insert twice.
    keyed = {position: records[position]["dedup_key"] for position in repeats if "dedup_key" in records[position]}
    try:
        firsts = _firsts({(records[position]["room_id"], key) for position, key in keyed.items()})
        room_ids = list({first["room_id"] for first in firsts.values()})
        rooms = {room["_id"]: room for room in durable(Room).find({"_id": {"$in": room_ids}})} if room_ids else {}
    except STORE_ERRORS as problem:
        if not is_outage(problem):
            raise
        batch.fail(repeats, problem)
        firsts, rooms, keyed, repeats = {}, {}, {}, set()
    own = {record["_id"] for record in records}
    batch.behind = [
        first
        for first in firsts.values()
        if first["_id"] not in own and first["room_id"] in rooms and is_behind(rooms[first["room_id"]], first)
    ]
    for position, key in keyed.items():
        first = firsts.get(key)
        if first is None:  # deleted in this very moment
            batch.failures[position] = StoreUnavailable("the message could not be stored")
        elif first["_id"] != records[position]["_id"]:
            batch.firsts[position] = first
    for position in refused.keys() - repeats - batch.failures.keys():
        refusal = OperationFailure(refused[position].get("errmsg", ""), refused[position]["code"], refused[position])
        batch.failures[position] = store_unavailable(refusal) if is_outage(refusal) else refusal
    if error.details.get("writeConcernErrors"):
        batch.inserts_unknown = True
        batch.fail((position for position in range(len(records)) if position not in batch.firsts), error)


def _firsts(keys: Iterable[tuple[str, str]]) -> dict[str, Document]:
    """The stored messages of these rooms and `dedup_key`s: one seek in the index `message_once_in_room` each.

    By equality, which implies that partial index's filter.
    """
    found = (durable(Message).find_one({"room_id": room_id, "dedup_key": key}) for room_id, key in keys)
    return {first["dedup_key"]: first for first in found if first is not None}


async def _announce(payloads: Iterable[MessagePayload]) -> None:
    for payload in payloads:
        try:
            await announce_message(payload)
        except Exception:  # an error of one listener must not keep the others' messages back
            logger.exception("message %s is stored but could not be announced", payload.id)


def _left_by(checkpoint: str) -> tuple[list[Document], list[Document]]:
    """The messages stored after a checkpoint by its process, and those of them that their rooms do not show."""
    messages = stored_since(checkpoint)
    room_ids = list({message["room_id"] for message in messages})
    rooms = {room["_id"]: room for part in in_parts(room_ids) for room in durable(Room).find({"_id": {"$in": part}})}
    behind = [m for m in messages if m["room_id"] in rooms and is_behind(rooms[m["room_id"]], m)]
    return messages, behind


_writers: PerLoop[MessageWriter] = PerLoop(MessageWriter)


def message_writer() -> MessageWriter:
    """The running loop's writer."""
    return _writers.get()


@on_death
async def announce_for_dead_process(process_id: str) -> None:
    """Announce the messages that a process had no time for."""
    await message_writer().announce_for(process_id)


async def close_message_writer() -> None:
    """Close the running loop's writer, if it has one."""
    writer = _writers.forget()
    if writer is not None:
        await writer.close()
