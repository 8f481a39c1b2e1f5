"""Work done in groups: while one batch is being done the next one gathers.

An item that comes when nothing is going on starts at once; items that come meanwhile wait and go together. So a single
item waits for no other, and many at once cost one round trip. There is no timer.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WEIGHT_OF_LAST = 0.25
"""What the last batch counts for in the mean of how long batches take."""
_WEIGHT_IN_TREND = 0.1
"""Likewise, in what is known of how that grows with their items. One batch alone says little of it."""
_SAME = 1.0
"""The variance of the items of batches below which all are taken to have had as many."""
_FEW = 3
"""Items of a key in a batch that is to be short. Who sends as people do has no more waiting at a time."""
_GROWTH = 1.25
"""A batch has at most so many times the items of a full one before it, or so many times fewer, to find out what items
cost. An estimate that is wrong costs one batch.
"""


class NotTaken(Exception):
    """An item that is not done, and will not be."""


class TooMuchWaiting(NotTaken):
    """As many items wait as may, of this key or of all."""


class DeadlineExceeded(NotTaken):
    """The item would be, or is, too late."""


class Closed(NotTaken):
    """No more items are taken."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Result]):
    """An item and the future of its result. `number`: the place in which it came; `since`: when."""

    item: Item
    future: asyncio.Future[Result]
    number: int
    since: float
    deadline: float


class _Trend:
    """How long batches take by the number of their items: a straight line through the last ones, by least squares.

    The line tells what each item adds from what a batch takes by itself, such as a round trip.
    """

    def __init__(self) -> None:
        self._weight = 1.0  # of the next batch; there is nothing before the first one
        self._items = self._seconds = 0.0  # means
        self._variance = self._covariance = 0.0  # of the items; of the items and the seconds

    def add(self, items: int, seconds: float) -> None:
        """Note a batch."""
        off_items, off_seconds, weight = items - self._items, seconds - self._seconds, self._weight
        self._items += weight * off_items
        self._seconds += weight * off_seconds
        self._variance = (1 - weight) * (self._variance + weight * off_items * off_items)
        self._covariance = (1 - weight) * (self._covariance + weight * off_items * off_seconds)
        self._weight = _WEIGHT_IN_TREND

    def items_within(self, seconds: float) -> float | None:
        """How many items add so much to what a batch takes by itself.

        None: the last ones had all the same number of items, which tells nothing of other numbers.
        """
        if self._variance < _SAME:
            return None
        return seconds * self._variance / self._covariance if self._covariance > 0 else math.inf


class GroupCommit(Generic[Item, Result]):
    """Hands items in batches to `commit`, one batch at a time.

    A batch takes one item of each key in turn, so that a key with many items holds no other key's up; within a batch
    items are in the order in which they came. An item that gets into a batch is done: whether anybody still waits for
    its result makes no difference to it. Belongs to the event loop in which it is first used.

        async def commit(documents: Sequence[Document]) -> Sequence[str | Exception]:
            return await in_store_thread(insert, documents)

        group: GroupCommit[Document, str] = GroupCommit(commit)
        inserted_id = await group.submit(document, key=user_id)

    Args:
        commit: Does a batch. Returns one result an item, in their order; an item whose result is an exception fails
            with it. What `commit` raises fails the whole batch.
        max_batch: The most items of one batch.
        max_batch_per_key: The most items of one key in a batch, so that batches stay short when one key has many.
            Items without a key have the other bound alone.
        max_seconds: By how much its items may make a batch longer than it is by itself, as far as the last ones tell.
            Each key has a few items in it all the same (_FEW), and only further ones wait. So an item of a key with few
            does not wait for the many of others. `None`: a batch may take as long as it does.
        max_waiting: The most items that wait for their batch; `None`: no bound. When so many wait, an item of a key
            with less than its share takes the place of the last one of the key with the most.
        max_waiting_per_key: The most items of one key that wait, likewise.
        clock: Seconds, never decreasing, by which deadlines are given.

    Attributes:
        waited: For how many seconds the first item of the latest batch had waited when that began.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        max_batch: int = 500,
        max_batch_per_key: int = 50,
        max_seconds: float | None = None,
        max_waiting: int | None = 10_000,
        max_waiting_per_key: int = 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commit = commit
        self._max_batch = max_batch
        self._max_batch_per_key = max_batch_per_key
        self._max_seconds = max_seconds
        self._trend = _Trend()
        self._limit = float(max_batch)  # items of a batch beyond a few of each key
        self._max_waiting = max_waiting
        self._max_waiting_per_key = max_waiting_per_key
        self._clock = clock
        self.waited = 0.0
        self._queues: dict[str | None, deque[_Waiting[Item, Result]]] = {}  # by key, and none is empty
        self._turns: deque[str | None] = deque()  # those keys, the next one first
        self._waiting = 0
        self._taken = 0
        self._began = 0.0  # the batch that is being done
        self._duration = 0.0  # mean seconds of the last batches
        self._worker: asyncio.Task[None] | None = None
        self._closed = False

    def submit(self, item: Item, *, key: str | None = None, deadline: float | None = None) -> asyncio.Future[Result]:
        """Take an item; await the future for its result.

        Args:
            item: What is to be done.
            key: Whom it is for. Keys have equal shares of a batch.
            deadline: When, by the clock, its result is of no use any more. An item that is still waiting then fails
                with DeadlineExceeded and is not done; `None`: it waits as long as it takes.

        Raises:
            NotTaken: The item is not done: too many wait, it would be done after its deadline by the duration of the
                last batches, or no more are taken.
        """
        if self._closed:
            raise Closed("this group commit is closed")
        queue = self._queues.get(key)
        own = 0 if queue is None else len(queue)
        if deadline is not None and (late := self._clock() + self._expected(own) - deadline) > 0:
            raise DeadlineExceeded(f"it would be done {late:.1f} s too late")
        if key is not None and own >= self._max_waiting_per_key:
            raise TooMuchWaiting(f"{own} of the same wait already")
        if self._max_waiting is not None and self._waiting >= self._max_waiting:
            self._make_room(own)
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        if queue is None:
            queue = self._queues[key] = deque()
            self._turns.append(key)
        self._taken += 1
        self._waiting += 1
        queue.append(_Waiting(item, future, self._taken, self._clock(), float("inf") if deadline is None else deadline))
        if self._worker is None:
            self._began = self._clock()
            # In a context of its own: the worker serves everybody, not the request that happened to start it.
            self._worker = asyncio.get_running_loop().create_task(self._work(), context=contextvars.Context())
        return future

    async def close(self) -> None:
        """Take no more items; return when all that were taken are done."""
        self._closed = True
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def _expected(self, own: int) -> float:
        """Seconds until the next item of a key is done of which so many wait, as far as is known."""
        if self._worker is None:
            return 0.0  # it begins at once, and shows how long batches take now
        others = len(self._queues) - (own > 0)
        ahead = min(self._waiting, own + (own + 1) * others)  # at most so many have their turn before it
        # A batch that takes longer than the others did is taken to go on for as long as it has.
        running = max(self._duration, self._clock() - self._began)
        size = max(int(self._limit), min(_FEW * len(self._queues), self._max_batch))
        batches = max(ahead // size, own // self._max_batch_per_key) + 1
        return running + batches * self._duration

    def _make_room(self, own: int) -> None:
        """Refuse the last item of the key with the most, unless that is the key with so many of its `own`."""
        longest = (
            max(self._queues, key=lambda key: len(self._queues[key]))
            if own * len(self._queues) < self._waiting
            else None
        )
        if longest is None or len(self._queues[longest]) <= own + 1:
            raise TooMuchWaiting(f"{self._waiting} items wait already")
        last = self._queues[longest].pop()
        self._waiting -= 1
        if not last.future.done():
            last.future.set_exception(TooMuchWaiting(f"{self._waiting} items wait, most of them of the same"))

    async def _work(self) -> None:
        try:
            while self._waiting:
                self._began = self._clock()
                if batch := self._next_batch():
                    await self._do(batch)
                    self._learn(len(batch), self._clock() - self._began)
        finally:
            self._worker = None
            for queue in self._queues.values():  # only when cancelled, as at the end of a loop
                for waiting in queue:
                    waiting.future.cancel()
            self._queues.clear()
            self._turns.clear()
            self._waiting = 0

    def _learn(self, items: int, seconds: float) -> None:
        self._duration += _WEIGHT_OF_LAST * (seconds - self._duration)
        if self._max_seconds is None:
            return
        self._trend.add(items, seconds)
        if items >= self._limit:
            self._limit = min(_GROWTH * items, self._max_batch)
        if seconds > self._max_seconds:
            fitting = self._trend.items_within(self._max_seconds)
            self._limit = max(1.0, min(self._limit, items / _GROWTH if fitting is None else fitting))

    def _next_batch(self) -> list[_Waiting[Item, Result]]:
        """Take one of each key in turn. What is too late has its turn and fails."""
        batch: list[_Waiting[Item, Result]] = []
        taken: defaultdict[str | None, int] = defaultdict(int)
        resting: list[str | None] = []  # keys that have had all that a key may have
        while self._turns and len(batch) < self._max_batch:
            if taken[self._turns[0]] >= _FEW and len(batch) >= self._limit:
                break  # so many turns all have had
            key = self._turns.popleft()
            queue = self._queues[key]
            waiting = queue.popleft()
            self._waiting -= 1
            taken[key] += 1
            if not queue:
                del self._queues[key]
            elif key is not None and taken[key] >= self._max_batch_per_key:
                resting.append(key)
            else:
                self._turns.append(key)
            if waiting.deadline >= self._began:
                batch.append(waiting)
            elif not waiting.future.done():
                waiting.future.set_exception(DeadlineExceeded("it waited too long"))
        self._turns.extend(resting)
        batch.sort(key=lambda waiting: waiting.number)
        return batch

    async def _do(self, batch: list[_Waiting[Item, Result]]) -> None:
        self.waited = self._clock() - batch[0].since
        try:
            results = await self._commit([waiting.item for waiting in batch])
            if len(results) != len(batch):
                raise RuntimeError(f"commit answered {len(results)} results for {len(batch)} items")
        except asyncio.CancelledError:
            for waiting in batch:
                waiting.future.cancel()
            raise
        except Exception as error:
            results = [error] * len(batch)
        for waiting, result in zip(batch, results, strict=True):
            if waiting.future.done():  # its waiter was cancelled
                continue
            if isinstance(result, Exception):
                waiting.future.set_exception(result)
            else:
                waiting.future.set_result(result)
