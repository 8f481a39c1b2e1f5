"""The bounded queue of frames between a session and its client, and the one writer that empties it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from socketio_bridge.engineio import Frame

logger = logging.getLogger(__name__)


class Outbound:
    """Frames on their way to one client, in order.

    `put` never waits; a writer task exists only while there is something to write. When more than `limit` characters
    and bytes wait, the client does not read: what waits is dropped, and `on_stuck` is called once to end the session.
    `on_broken` is called once when the transport cannot be written to any more.
    """

    __slots__ = ("_closed", "_frames", "_limit", "_on_broken", "_on_stuck", "_send", "_size", "_writer")

    def __init__(
        self,
        send: Callable[[Frame], Awaitable[None]],
        limit: int,
        on_stuck: Callable[[], None],
        on_broken: Callable[[], None],
    ) -> None:
        self._send = send
        self._limit = limit
        self._on_stuck = on_stuck
        self._on_broken = on_broken
        self._frames: deque[Frame] = deque()
        self._size = 0
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    def put(self, frame: Frame, *following: Frame) -> None:
        """Queue a frame, and others that belong right behind it; a closed queue ignores them."""
        if self._closed:
            return
        self._frames.append(frame)
        self._size += len(frame)
        for other in following:
            self._frames.append(other)
            self._size += len(other)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write())
        elif self._size > self._limit:
            self.discard()
            self._on_stuck()

    def discard(self) -> None:
        """Close the queue and drop what waits; a write under way is cancelled."""
        self._closed = True
        self._frames.clear()
        if self._writer is not None:
            self._writer.cancel()

    async def drain(self) -> None:
        """Close the queue and return when what waited has been written."""
        self._closed = True
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._frames:
                frame = self._frames.popleft()
                await self._send(frame)
                self._size -= len(frame)
        except Exception as error:
            logger.debug("The transport cannot be written to: %r", error)
            self._writer = None
            self.discard()
            self._on_broken()
        finally:
            self._writer = None
