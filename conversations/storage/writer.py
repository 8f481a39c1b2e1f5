"""The messages' group commit: many messages, one insert and one update a room, then everybody is told.

One batch after the other, not the next one's insert beside this one's rooms: that was tried, and gained nothing.

A message is announced and acknowledged when MongoDB has it on disk (majority, journal), in the order of
(created_at, _id). What goes wrong between the two writes is kept in `unfinished` and made good. Rules are checked
before a message comes here.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from conversations.announcements import announce_message
from conversations.errors import Code, RuleViolation
from conversations.images.files import image_in
from conversations.models import Message, Room
from conversations.payloads import MessagePayload
from conversations.storage.message_counter import MessageCounter
from conversations.storage.message_ids import message_ids
from conversations.storage.repair import Unfinished
from conversations.storage.room_summaries import account, is_behind
from identity import Role
from persistence.availability import AVAILABILITY, StoreUnavailable, is_outage
from persistence.batching import Closed, GroupCommit, TooMuchWaiting
from persistence.mongodb import STORE_ERRORS, document, durable, in_store_thread, store_unavailable
from persistence.per_event_loop import PerLoop

logger = logging.getLogger(__name__)

_DUPLICATE_KEY = 11000
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that may be stored; `receiver` is the recipient's side of the room, `None` where it is for both.

    `once`: a key of whoever writes it, where it is to be stored once though its client gave no id to tell a repeat by.
    """

    room_id: str
    sender: str
    recipient: str
    receiver: Role | None
    type: str
    content: str
    client_message_id: str | None
    once: str | None = None


def dedup_key(draft: Draft) -> str | None:
    """One key for all repeats of a message; `None` where there is no id to tell a repeat by.

    All five parts, because some old clients send a constant as `client_message_id`.
    """
    if draft.client_message_id is None:
        return draft.once
    parts = (draft.sender, draft.room_id, draft.client_message_id, draft.type, draft.content)
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


@dataclass(slots=True)
class _Stored:
    """What became of a batch: by position, repeats with their first and failures; all others are newly stored."""

    repeats: dict[int, Message] = field(default_factory=dict)
    suspects: list[Message] = field(default_factory=list)
    failures: dict[int, Exception] = field(default_factory=dict)
    in_doubt: bool = False
    accounted: bool = True


class MessageWriter:
    """Stores and announces messages for one event loop. Use `message_writer()`."""

    def __init__(self) -> None:
        self._group: GroupCommit[Draft, MessagePayload] = GroupCommit(self._commit)
        self._unfinished = Unfinished()
        self._counter = MessageCounter()
        self._turn = asyncio.Lock()
        self._finisher: asyncio.Task[None] | None = None

    async def write(self, draft: Draft) -> MessagePayload:
        """Store a message, announce it, return it as announced; a repeat returns the first one, announcing nothing.

        Cancelling the caller does not take back the message. StoreUnavailable; RuleViolation `overloaded`.
        """
        try:
            return await self._group.submit(draft)
        except (TooMuchWaiting, Closed) as error:
            raise RuleViolation(Code.OVERLOADED, f"the server is busy ({error}); try again in a moment") from None

    async def close(self) -> None:
        """Take no more, finish what was taken."""
        await self._group.close()
        with contextlib.suppress(StoreUnavailable):
            async with self._turn:
                await self._finish_earlier()
        if self._finisher is not None:
            self._finisher.cancel()
            await asyncio.wait([self._finisher])
        await self._counter.close()

    async def _commit(self, drafts: Sequence[Draft]) -> Sequence[MessagePayload | Exception]:
        async with self._turn:
            await self._finish_earlier()
            messages = [_message(draft) for draft in drafts]
            try:
                stored = await in_store_thread(_store, messages, [draft.receiver for draft in drafts])
            except StoreUnavailable:  # before anything was written
                raise
            except Exception:  # a defect, met after nobody knows which step
                self._unfinished.in_doubt(messages)
                self._finish_soon()
                raise
            new = [
                message
                for position, message in enumerate(messages)
                if position not in stored.repeats and position not in stored.failures
            ]
            self._remember(stored, messages, new)
            self._counter.add(len(new))
            payloads = {message.message_id: MessagePayload.of(message) for message in new}
            await _announce(payloads.values())
            return [
                stored.failures.get(position)
                or payloads.get(message.message_id)
                or MessagePayload.of(stored.repeats[position])
                for position, message in enumerate(messages)
            ]

    def _remember(self, stored: _Stored, messages: list[Message], new: list[Message]) -> None:
        if stored.in_doubt:
            self._unfinished.in_doubt(messages[position] for position in stored.failures)
        if not stored.accounted:
            self._unfinished.not_accounted(new)
        for message in stored.suspects:
            self._unfinished.suspect(message)
        self._finish_soon()

    def _finish_soon(self) -> None:
        if self._finisher is None and self._unfinished.next_due() is not None:
            self._finisher = asyncio.get_running_loop().create_task(self._finish_later())

    async def _finish_earlier(self) -> None:
        while self._unfinished.next_due() == 0:
            await _announce(MessagePayload.of(message) for message in await self._unfinished.finish())

    async def _finish_later(self) -> None:
        """Finish by itself, without waiting for the next message to come."""
        pause = _FIRST_PAUSE
        try:
            while (due := self._unfinished.next_due()) is not None:
                await asyncio.sleep(max(due, pause))
                try:
                    async with self._turn:
                        await self._finish_earlier()
                    pause = _FIRST_PAUSE
                except Exception as error:
                    if not isinstance(error, StoreUnavailable):  # which has been logged
                        logger.exception("messages wait to be finished")
                    pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            self._finisher = None


def _message(draft: Draft) -> Message:
    message_id, created_at = message_ids.next()
    return Message(
        message_id=message_id,
        room_id=draft.room_id,
        sender=draft.sender,
        recipient=draft.recipient,
        type=draft.type,
        content=draft.content,
        client_message_id=draft.client_message_id,
        created_at=created_at,
        updated_at=created_at,
        dedup_key=dedup_key(draft),
        image=image_in(draft.type, draft.content),
    )


def _store(messages: list[Message], receivers: list[Role | None]) -> _Stored:
    stored = _Stored()
    documents = [document(message) for message in messages]
    try:
        durable(Message).insert_many(documents, ordered=False)
    except BulkWriteError as error:
        _sort_out(error, messages, stored)
    except PyMongoError as error:
        if not is_outage(error):
            raise
        stored.in_doubt = True
        stored.failures = {position: store_unavailable(error) for position in range(len(messages))}
    new = [
        (documents[position], receiver)
        for position, receiver in enumerate(receivers)
        if position not in stored.repeats and position not in stored.failures
    ]
    try:
        account(new)
    except PyMongoError as error:  # they are stored all the same
        if is_outage(error):
            AVAILABILITY.failed(error)
        else:
            logger.exception("%d stored messages could not be accounted in their rooms", len(new))
        stored.accounted = False
    return stored


def _sort_out(error: BulkWriteError, messages: list[Message], stored: _Stored) -> None:
    """Tell repeats from failures in what an unordered insert complained of."""
    refused = {problem["index"]: problem for problem in error.details["writeErrors"]}
    repeats = {position for position, problem in refused.items() if problem["code"] == _DUPLICATE_KEY}
    # Without a dedup_key only a message's own _id can be there already: the driver sent this insert twice.
    try:
        firsts = _firsts([messages[position] for position in repeats if messages[position].dedup_key is not None])
        rooms = {room.pk: room for room in Room.objects.filter(pk__in={first.room_id for first in firsts.values()})}
    except STORE_ERRORS as problem:
        if not is_outage(problem):
            raise
        stored.failures.update({position: store_unavailable(problem) for position in repeats})
        firsts, rooms, repeats = {}, {}, set()
    mine = {message.message_id for message in messages}
    stored.suspects = [
        first
        for first in firsts.values()
        if first.message_id not in mine and first.room_id in rooms and is_behind(rooms[first.room_id], first)
    ]
    for position in repeats:
        first = firsts.get(messages[position].dedup_key)
        if first is None and messages[position].dedup_key is not None:  # deleted in this very moment
            stored.failures[position] = StoreUnavailable("the message could not be stored")
        elif first is not None and first.message_id != messages[position].message_id:
            stored.repeats[position] = first
    for position in refused.keys() - repeats - stored.failures.keys():
        refusal = OperationFailure(refused[position].get("errmsg", ""), refused[position]["code"], refused[position])
        stored.failures[position] = store_unavailable(refusal) if is_outage(refusal) else refusal
    if error.details.get("writeConcernErrors"):
        stored.in_doubt = True
        for position in range(len(messages)):
            if position not in stored.repeats:
                stored.failures.setdefault(position, store_unavailable(error))


def _firsts(repeats: Iterable[Message]) -> dict[str | None, Message]:
    """What is stored of these messages already, by `dedup_key`: one seek in the index `message_once_in_room` each.

    By equality, which implies that partial index's filter.
    """
    keys = {(repeat.room_id, repeat.dedup_key) for repeat in repeats}
    found = (first for room_id, key in keys for first in Message.objects.filter(room_id=room_id, dedup_key=key))
    return {first.dedup_key: first for first in found}


async def _announce(payloads: Iterable[MessagePayload]) -> None:
    for payload in payloads:
        try:
            await announce_message(payload)
        except Exception:  # one listener's trouble must not keep the others' messages back
            logger.exception("message %s is stored but could not be announced", payload.id)


_writers: PerLoop[MessageWriter] = PerLoop(MessageWriter)


def message_writer() -> MessageWriter:
    """The running loop's writer."""
    return _writers.get()


async def close_message_writer() -> None:
    """For the end of a process: what was taken is stored and announced before this returns."""
    writer = _writers.forget()
    if writer is not None:
        await writer.close()
