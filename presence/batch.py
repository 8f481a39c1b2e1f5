"""Calls that gather: what is asked while an answer is on its way goes out together, as the next question.

No timer and no added wait: alone, a call goes at once; in a storm of a thousand, a handful of round trips serve all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batch(Generic[Item, Answer]):
    """A callable that hands items to `handle` in lists, one list at a time, and each caller its own answer.

    `handle` takes up to `limit` items, in the order of the calls, and answers as many. What it raises, every
    caller of that list gets. A caller that is cancelled does not take its item back.
    """

    def __init__(self, handle: Callable[[list[Item]], Awaitable[list[Answer]]], *, limit: int = 500) -> None:
        self._handle = handle
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """Have `item` handled with whatever else waits, and return its answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, answer))
        if self._worker is None:
            self._worker = loop.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._serve(batch)
        finally:
            self._worker = None

    async def _serve(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._handle([item for item, _ in batch])
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
