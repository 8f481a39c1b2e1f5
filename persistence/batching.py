"""Work done in groups: while one batch is being done the next one gathers.

An item that comes when nothing is going on starts at once; items that come meanwhile wait and go together. So a single
item waits for no other, and many at once cost one round trip. There is no timer.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class TooMuchWaiting(Exception):
    """As many items wait as are allowed."""


class Closed(Exception):
    """No more items are taken."""


class GroupCommit(Generic[Item, Result]):
    """Hands items in batches to `commit`, one batch at a time, in the order in which they came.

    An item that was taken is done, whether anybody still waits for its result or not. Belongs to the event loop in
    which it is first used.

        async def commit(documents: Sequence[Document]) -> Sequence[str | Exception]:
            return await in_store_thread(insert, documents)

        group: GroupCommit[Document, str] = GroupCommit(commit)
        inserted_id = await group.submit(document)

    Args:
        commit: Does a batch. Returns one result an item, in their order; an item whose result is an exception fails
            with it. What `commit` raises fails the whole batch.
        max_batch: The most items of one batch.
        max_waiting: The most items that wait for their batch; None: no bound.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        max_batch: int = 500,
        max_waiting: int | None = 10_000,
    ) -> None:
        self._commit = commit
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """Take an item.

        Args:
            item: What `commit` gets.

        Returns:
            A future of its result.

        Raises:
            TooMuchWaiting: `max_waiting` items wait. The item was not taken.
            Closed: `close` was called. The item was not taken.
        """
        if self._closed:
            raise Closed("this group commit is closed")
        if self._max_waiting is not None and len(self._waiting) >= self._max_waiting:
            raise TooMuchWaiting(f"{self._max_waiting} items wait already")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            # In a context of its own: the worker serves everybody, not the request that happened to start it.
            self._worker = loop.create_task(self._work(), context=contextvars.Context())
        return future

    async def close(self) -> None:
        """Take no more items; return when all that were taken are done."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]
                await self._do(batch)
        finally:
            self._worker = None
            for _, future in self._waiting:  # only when cancelled, as at the end of a loop
                future.cancel()
            self._waiting.clear()

    async def _do(self, batch: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._commit([item for item, _ in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"commit answered {len(results)} results for {len(batch)} items")
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:
            results = [error] * len(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():  # its waiter was cancelled
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
