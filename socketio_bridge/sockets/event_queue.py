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


class Arrival(msgspec.Struct):
    """The client asked for the namespace: the first thing in a queue. `before`: that of its socket that left for this
    one.
    """

    before: EventQueue | None


class Departure(msgspec.Struct):
    """The client is gone, for this reason: the last thing in a queue."""

    reason: str


Occasion: TypeAlias = Arrival | EventReceived | Departure


class EventQueue:
    """Has `handle` run for one thing after the other, by a worker that exists only while there is something to do.

    Events that `may_overlap`, by their names, are begun in order and run beside each other; all else waits for them.
    """

    __slots__ = ("_handle", "_may_overlap", "_overlapping", "_waiting", "_worker")

    def __init__(
        self, handle: Callable[[Occasion], Coroutine[Any, Any, None]], may_overlap: Callable[[str], bool]
    ) -> None:
        self._handle = handle
        self._may_overlap = may_overlap
        self._waiting: deque[Occasion] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._overlapping: set[asyncio.Task[None]] = set()

    def put(self, occasion: Occasion) -> None:
        """Have it handled after what came before."""
        self._waiting.append(occasion)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())

    def runs_in(self, task: asyncio.Task[Any] | None) -> bool:
        """Whether a task runs one of the handlers."""
        return task is not None and (task is self._worker or task in self._overlapping)

    async def finished(self) -> None:
        """Return when nothing is being handled or due."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while self._waiting:
                occasion = self._waiting.popleft()
                if type(occasion) is EventReceived and self._may_overlap(occasion.event):
                    self._begin(occasion)
                    continue
                while self._overlapping:
                    await asyncio.wait(self._overlapping)
                await self._run(occasion)
        finally:
            self._worker = None

    def _begin(self, event: EventReceived) -> None:
        task = asyncio.get_running_loop().create_task(self._run(event))
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
