"""The way between processes while recovery is on: a stream in Redis, which clients that come back read too.

A process writes there what it tells all others, once a loop turn at most, and reads what they wrote. What cannot be
written waits until Redis is back, and reading goes on where it was, so that an outage costs nothing but time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import time
from collections.abc import Callable
from contextvars import Context

from socketio_bridge.adapter.envelope import Emission, Heartbeat, Message
from socketio_bridge.options import Options
from socketio_bridge.recovery.offsets import EntryId
from socketio_bridge.recovery.store import Entry, Place, RecoveryStore

logger = logging.getLogger(__name__)

LIMIT = 50_000
"""Messages that may wait for Redis."""
SIZE = 64_000_000
"""Bytes that may wait for it."""
_LARGEST = 5_000  # messages that are written at a time
_RETRY = 0.25  # seconds between attempts
_STOP_TIMEOUT = 5.0  # seconds that a read under way may take to end; a cancellation may get lost


class Stream:
    """A process's end of it.

    Args:
        origin: The id of this node.
        store: Where the stream is.
        read: Takes each entry, this node's own too.

    Attributes:
        number: That of the last message here.
        entry: The one that was read last; None: reading has not begun.
        returned: The number of the last message of this node that was read, or before which reading began.
    """

    def __init__(self, origin: str, store: RecoveryStore, read: Callable[[Entry], None]) -> None:
        self.number = 0
        self.entry: EntryId | None = None
        self.returned = 0
        self._origin = origin
        self._store = store
        self._take = read
        self._written = 0  # the number of the last one in the stream
        self._waiting: list[Message] = []
        self._size = 0  # of those, and of what is being written
        self._waiting_at = 0.0  # when the first of them came
        self._lost_at: float | None = None  # when the first of those came that had to make room since the last entry
        self._writer: asyncio.Task[None] | None = None
        self._attempted: asyncio.Future[None] | None = None  # for those who wait
        self._reader: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Begin to read behind an entry of this node, so that there is one; where Redis is away, when it comes."""
        self.record(Heartbeat())
        try:
            await self._begin()
        except self._store.unreachable as error:
            self._store.failed(error)
        self._reader = asyncio.create_task(self._read(), context=Context())

    def record(self, message: Message) -> None:
        """Have a message written; an emission that is to be kept learns its number."""
        volatile = isinstance(message, Emission) and message.volatile
        if volatile and not self._store.reachable:
            return
        self.number += 1
        if isinstance(message, Emission) and not volatile:
            message.sequence = self.number
        if not self._waiting:
            self._waiting_at = time.monotonic()
        self._waiting.append(message)
        self._size += message.size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), context=Context())
        elif len(self._waiting) > LIMIT or self._size > SIZE:
            self._make_room()

    async def kept(self) -> bool:
        """Return when all that was recorded before is in the stream; or at once, with False, while Redis is away."""
        number = self.number
        while self._written < number and self._store.reachable:
            if self._attempted is None:
                self._attempted = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._attempted)
        return self._written >= number

    async def stop(self) -> None:
        """Write what waits, if Redis is there."""
        self._stopping = True
        if self._writer is not None:
            await asyncio.wait([self._writer])
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait([self._reader], timeout=_STOP_TIMEOUT)

    def _make_room(self) -> None:
        if self._lost_at is None:
            self._lost_at = self._waiting_at
            logger.error("Too much waits for Redis: the oldest of it does not reach the other processes.")
        half = (len(self._waiting) + 1) // 2
        self._size -= sum(message.size for message in self._waiting[:half])
        del self._waiting[:half]

    async def _write(self) -> None:
        try:
            while self._waiting:
                messages = self._waiting[:_LARGEST]
                del self._waiting[:_LARGEST]
                number = self.number - len(self._waiting)
                lost_at, self._lost_at = self._lost_at, None
                while not await self._append(number, messages, lost_at):
                    if self._stopping:
                        return
                    await asyncio.sleep(_RETRY)
                self._size -= sum(message.size for message in messages)
                self._written = number
                self._wake()
        finally:
            self._writer = None

    async def _append(self, number: int, messages: list[Message], lost_at: float | None) -> bool:
        gap = 0.0 if lost_at is None else time.monotonic() - lost_at
        try:
            await self._store.append(self._origin, number, messages, gap=gap)
        except self._store.unreachable as error:
            self._store.failed(error)
            self._wake()
            return False
        self._store.succeeded()
        return True

    def _wake(self) -> None:
        attempted, self._attempted = self._attempted, None
        if attempted is not None and not attempted.done():
            attempted.set_result(None)

    async def _begin(self) -> None:
        if await self.kept():
            written = self._written  # what is written from here on may come behind the newest entry
            self.entry = await self._store.newest()
            self.returned = written

    async def _read(self) -> None:
        interrupted = False
        while not self._stopping:
            try:
                if self.entry is None:
                    await self._begin()
                entries = [] if self.entry is None else await self._store.read(self.entry)
            except self._store.unreachable as error:
                self._store.failed(error)
                interrupted = True
            else:
                if self.entry is not None:
                    self._store.succeeded()
                    if interrupted:
                        interrupted = False
                        self.record(Heartbeat())  # by whose number others see whether Redis has lost something
                for entry in entries:
                    self.entry = entry.id
                    if entry.origin == self._origin:
                        self.returned = entry.number
                    try:
                        self._take(entry)
                    except Exception:
                        logger.exception("An entry of the stream could not be delivered.")
            if not self._store.reachable:
                await asyncio.sleep(_RETRY)


class ExternalStream:
    """What a process without sockets writes there."""

    def __init__(self) -> None:
        self._origin = secrets.token_urlsafe(12)
        self._place: Place | None = None
        self._store: RecoveryStore
        self._count = itertools.count(1)

    async def publish(self, message: Message) -> bool:
        """Add a message for all nodes, where recovery is on and they can read it. May raise as the store does."""
        options = Options.from_settings()
        if options.max_disconnection_duration is None or (place := Place.of(options)).url is None:
            return False
        if self._place != place:
            from socketio_bridge.recovery.redis_store import RedisRecoveryStore  # which needs an optional package

            self._place, self._store = place, RedisRecoveryStore(place, self._origin)
        number = next(self._count)
        if isinstance(message, Emission) and not message.volatile:
            message.sequence = number
        await self._store.append(self._origin, number, [message])
        return True
