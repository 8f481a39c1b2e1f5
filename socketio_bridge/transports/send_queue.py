"""The bounded queue of packets between a session and its client."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from socketio_bridge.instrumentation import instrumentation
from socketio_bridge.protocol.engineio import Packet
from socketio_bridge.transports.interfaces import PacketWriter

logger = logging.getLogger(__name__)

Sink = Callable[[Sequence[Packet]], Awaitable[None]]

_BATCH = 64 * 1024  # characters and bytes that a sink gets at a time; a packet that is larger it gets alone


class SendQueue:
    """Packets on their way to one client, in order.

    `put` never waits. The packets leave through a sink that has been attached (WebSocket: a writer task pushes them,
    and exists only while there is something to write; they wait until the sink returns), through a writer, where the
    WebSocket has one, at the end of the turn of the event loop, or are taken (long-polling: the client fetches them).
    When more than `limit` characters and bytes wait, the client does not read: what waits is
    dropped, and `on_stuck` is called once to end the session. `on_broken` is called once when the sink cannot be
    written to any more.
    """

    __slots__ = (
        "_closed",
        "_emptied",
        "_limit",
        "_on_broken",
        "_on_stuck",
        "_packets",
        "_sink",
        "_size",
        "_task",
        "_waiter",
        "_writer",
        "_writing",
        "_writing_since",
    )

    def __init__(self, limit: int, on_stuck: Callable[[], None], on_broken: Callable[[], None]) -> None:
        self._limit = limit
        self._on_stuck = on_stuck
        self._on_broken = on_broken
        self._packets: deque[Packet] = deque()
        self._size = 0
        self._sink: Sink | None = None
        self._task: asyncio.Task[None] | None = None  # that pushes into the sink
        self._writer: PacketWriter | None = None
        self._writing: asyncio.Handle | None = None  # due in this turn
        self._writing_since = 0.0
        self._waiter: asyncio.Future[None] | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """Characters and bytes that wait, or are being written."""
        return self._size

    @property
    def ready(self) -> bool:
        """Whether the client is there to take what is put now: all that was put before has left."""
        if self._writer is not None:
            return not self._packets
        if self._sink is not None:
            return self._task is None
        return self._waiter is not None and not self._waiter.done()

    def put(self, packet: Packet, *following: Packet) -> None:
        """Queue a packet, and others that belong right behind it; a closed queue ignores them."""
        if self._closed:
            return
        self._packets.append(packet)
        self._size += len(packet)
        for other in following:
            self._packets.append(other)
            self._size += len(other)
        if self._writer is not None and self._writing is None and not self._writer.writing_paused:
            self._write_soon()
        elif self._writer is None and self._sink is not None and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write(self._sink))
        elif self._size > self._limit:
            self.discard()
            self._on_stuck()
        elif self._waiter is not None:
            self._wake()

    def attach(self, sink: Sink, writer: PacketWriter | None = None) -> None:
        """Push what waits, and all that comes, into `sink` from now on, or `writer` in its place; a `take` that waits
        comes back empty.
        """
        self._sink, self._writer = sink, writer
        self.release()
        if writer is not None:
            writer.on_writing_resumed = self._write_now
            if self._packets:
                self._write_soon()
        elif self._packets and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write(sink))

    async def take(self) -> list[Packet]:
        """Everything that waits; when nothing does, what comes next. Empty when woken by `release` or `attach`, or
        closed.
        """
        if not self._packets and not self._closed:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self.take_now() if self._sink is None else []

    def take_now(self) -> list[Packet]:
        """Everything that waits."""
        packets = list(self._packets)
        self._packets.clear()
        self._size = 0
        self._note_emptied()
        return packets

    def release(self) -> None:
        """Let a `take` that waits go with what there is."""
        if self._waiter is not None:
            self._wake()

    def discard(self) -> None:
        """Close the queue and drop what waits; a write under way is cancelled."""
        self._closed = True
        self._packets.clear()
        if self._task is not None:
            self._task.cancel()
        if self._writing is not None:
            self._writing.cancel()
        self.release()

    async def drain(self) -> None:
        """Close the queue and return when what waited has been pushed or taken."""
        self._closed = True
        self.release()
        if self._task is not None:
            await asyncio.wait([self._task])
        elif self._packets:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _note_emptied(self) -> None:
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def _write_soon(self) -> None:
        """Write at the end of this turn, with all that comes meanwhile."""
        self._writing_since = time.monotonic()
        self._writing = asyncio.get_running_loop().call_soon(self._write_now)

    def _write_now(self) -> None:
        """Write what waits, as long as the client takes it."""
        self._writing, writer = None, self._writer
        if not self._packets or writer is None:
            return
        try:
            while self._packets and not writer.writing_paused:
                batch, size = self._next_batch()
                writer.write(batch)
                self._size -= size
        except Exception as error:
            self._break(error)
            return
        if not self._packets:
            instrumentation().queue_written(time.monotonic() - self._writing_since)
            self._note_emptied()

    def _break(self, error: Exception) -> None:
        logger.debug("The transport cannot be written to: %r", error)
        self.discard()
        self._on_broken()

    def _next_batch(self) -> tuple[list[Packet], int]:
        packets = self._packets
        batch = [packets.popleft()]
        size = len(batch[0])
        while packets and size + len(packets[0]) <= _BATCH:
            batch.append(packets.popleft())
            size += len(batch[-1])
        return batch, size

    async def _write(self, sink: Sink) -> None:
        began = time.monotonic()
        try:
            while self._packets:
                batch, size = self._next_batch()
                await sink(batch)
                self._size -= size
            instrumentation().queue_written(time.monotonic() - began)
        except Exception as error:
            self._task = None
            self._break(error)
        finally:
            self._task = None
