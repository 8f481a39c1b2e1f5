"""What a socket has still to handle, in the order in which its client caused it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import msgspec

from socketio_bridge.protocol.socketio import EventReceived

logger = logging.getLogger(__name__)

MOST_OVERLAPPING = 50
"""Handlers of one socket that run beside each other at most. What its client sends beyond that waits in its queue, and
once that is full, unread: a flood costs no more of the event loop's turns than so many handlers do.
"""


class Arrival(msgspec.Struct):
    """The client asked for the namespace: the first thing in a queue. `before`: that of its socket that left for this
    one.
    """

    before: EventQueue | None


class Departure(msgspec.Struct):
    """The client is gone, for this reason: the last thing in a queue."""

    reason: str


class Upgraded(msgspec.Struct):
    """The client's connection has changed over to a WebSocket."""


Occasion: TypeAlias = Arrival | EventReceived | Upgraded | Departure


class EventQueue:
    """Has `handle` run for one thing after the other, by a worker that exists only while there is something to do.

    Events that `may_overlap`, by their names, and an upgrade are begun in order and run beside each other,
    MOST_OVERLAPPING of them; all else waits for them.
    Those that are volatile pass all others once the client has arrived, and have an order of their own.

    Args:
        handle: Handles one thing.
        may_overlap: Tells by an event's name whether it may overlap.
        is_volatile: Tells by an event's name whether it is volatile; `None`: none is.
    """

    __slots__ = (
        "_arrived",
        "_handle",
        "_is_volatile",
        "_may_overlap",
        "_overlapping",
        "_volatile",
        "_waiting",
        "_worker",
    )

    def __init__(
        self,
        handle: Callable[[Occasion], Coroutine[Any, Any, None]],
        may_overlap: Callable[[str], bool],
        is_volatile: Callable[[str], bool] | None = None,
    ) -> None:
        self._handle = handle
        self._may_overlap = may_overlap
        self._is_volatile = is_volatile
        self._arrived = False
        self._waiting: deque[Occasion] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._overlapping: set[asyncio.Task[None]] = set()
        self._volatile: EventQueue | None = None  # made for the first of them

    def put(self, occasion: Occasion) -> None:
        """Have it handled after what came before, or, where it is volatile, after those of its kind."""
        if (
            self._arrived
            and type(occasion) is EventReceived
            and self._is_volatile is not None
            and self._is_volatile(occasion.event)
        ):
            if self._volatile is None:
                self._volatile = EventQueue(self._handle, lambda event: False)
            self._volatile.put(occasion)
            return
        self._waiting.append(occasion)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def runs_in(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a task runs one of the handlers."""
        if task is None:
            return False
        return (
            task is self._worker
            or task in self._overlapping
            or (self._volatile is not None and self._volatile.runs_in(task))
        )

    async def finished(self) -> None:
        """Return when nothing is being handled or due."""
        while self._worker is not None:
            await asyncio.wait([self._worker])
        if self._volatile is not None:
            await self._volatile.finished()

    async def _work(self) -> None:
        try:
            while self._waiting:
                occasion = self._waiting.popleft()
                if self._overlaps(occasion):
                    while len(self._overlapping) >= MOST_OVERLAPPING:
                        await asyncio.wait(self._overlapping, return_when=asyncio.FIRST_COMPLETED)
                    self._begin(occasion)
                    continue
                while self._overlapping:
                    await asyncio.wait(self._overlapping)
                if type(occasion) is Departure and self._volatile is not None:
                    await self._volatile.finished()
                await self._run(occasion)
                self._arrived = True
        finally:
            self._worker = None

    def _overlaps(self, occasion: Occasion) -> bool:
        if type(occasion) is EventReceived:
            return self._may_overlap(occasion.event)
        return type(occasion) is Upgraded

    def _begin(self, occasion: Occasion) -> None:
        task = asyncio.get_running_loop().create_task(self._run(occasion))
        self._overlapping.add(task)
        task.add_done_callback(self._overlapping.discard)

    async def _run(self, occasion: Occasion) -> None:
        """Handle one thing; however that ends, what comes after it is handled."""
        try:
            await self._handle(occasion)
        except BaseException as error:
            if ends_task(error):
                raise
            logger.exception("Handling %s failed.", type(occasion).__name__)


def ends_task(error: BaseException) -> bool:
    """Whether an exception means that the running task itself must end, and not only what it was about: it was
    cancelled, or its event loop is gone. `SystemExit`, say by a command that a handler calls, is a handler's failure.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)
