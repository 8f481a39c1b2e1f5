"""How far a process has announced the messages that it stored: kept in Redis, for whoever finds the process dead.

A process may be killed between storing a message and handing it to the other processes. It stores and announces in the
order of ids, and its ids end in a tag of its own. So the last id that it has announced, its checkpoint, and that tag
find the rest. A checkpoint is noted soon after the announcement, not with it: what was announced in between is
announced again by the other process. Clients draw a message once for each `_id`.

While Redis is away nothing is noted: then the last checkpoint stands, and more is announced again.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from contextvars import Context
from typing import Final

from django.utils import timezone

from conversations.models import Message
from conversations.storage.message_ids import LAST_ID, first_id_at, message_ids, process_tag
from persistence.availability import StoreUnavailable
from persistence.mongodb import Document, durable, in_message_thread
from persistence.redis_client import REDIS_AWAY, in_redis_thread, redis
from persistence.store_clock import store_clock
from socketio_bridge import flush

logger = logging.getLogger(__name__)

PREFIX: Final = "chozoi:announced:"
"""What the keys in Redis begin with; then comes the process, as presence knows it."""

AT_MOST_EVERY: Final = 0.05
"""Seconds between two notes of a process that stores messages."""
AT_LEAST_EVERY: Final = 10.0
"""Seconds between two notes of one that stores none, so that nobody searches for messages since yesterday."""
KEPT: Final = 3600
"""Seconds for which a note is kept: much longer than it takes to find a process dead."""
LOOKED_BACK: Final = datetime.timedelta(minutes=10)
"""How old a message may be that is announced for a dead process: clients that came since have loaded it."""


class Checkpoint:
    """The checkpoint of one event loop of this process.

    Args:
        process_id: The process, as presence knows it.
    """

    def __init__(self, process_id: str) -> None:
        self._key = PREFIX + process_id
        self._announced: str | None = None  # no id is taken before MongoDB's time is known, which ids follow
        self._changed = asyncio.Event()
        self._changed.set()
        self._pending = False
        self._noting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Note checkpoints from now on."""
        if self._noting is None:
            self._noting = asyncio.get_running_loop().create_task(
                self._note_on_and_on(), name="checkpoint", context=Context()
            )

    def begin(self) -> None:
        """Messages, whose rooms are loaded, are about to get their ids. They are announced when `end` says so."""
        if self._announced is None:
            self._announced = message_ids.next()[0]
        self._pending = True
        self.start()

    def end(self, *, announced: bool) -> None:
        """What had begun has ended.

        Args:
            announced: Whether all messages so far are announced, or not stored. Otherwise the checkpoint stays.
        """
        self._pending = not announced
        if announced:
            self._announced = message_ids.next()[0]
            self._changed.set()

    async def close(self) -> None:
        """Forget the checkpoint: everything is announced."""
        if self._noting is not None:
            self._noting.cancel()
            await asyncio.wait([self._noting])
            if not self._pending:
                await forget(self._key.removeprefix(PREFIX))

    async def _note_on_and_on(self) -> None:
        while self._announced is None:
            try:
                await in_message_thread(store_clock.keep)
                break
            except StoreUnavailable:  # which has been logged
                await asyncio.sleep(1)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AT_LEAST_EVERY):
                    await self._changed.wait()
            self._changed.clear()
            if not self._pending or self._announced is None:
                self._announced = message_ids.next()[0]
            announced = self._announced
            if await flush():
                try:
                    await in_redis_thread(self._note, announced)
                except REDIS_AWAY as error:
                    logger.info("how far messages are announced is not noted, Redis is away: %s", error)
            await asyncio.sleep(AT_MOST_EVERY)

    def _note(self, announced: str) -> None:
        redis().set(self._key, announced, ex=KEPT)


async def checkpoint_of(process_id: str) -> str | None:
    """The checkpoint of a process; None: it has announced everything, or never stored a message.

    Raises REDIS_AWAY.
    """
    found: bytes | None = await in_redis_thread(lambda: redis().get(PREFIX + process_id))
    return None if found is None else found.decode()


async def forget(process_id: str) -> None:
    """Forget the checkpoint of a process, if Redis answers; else it expires."""
    with contextlib.suppress(*REDIS_AWAY):
        await in_redis_thread(lambda: redis().delete(PREFIX + process_id))


def stored_since(checkpoint: str) -> list[Document]:
    """The messages that the process of a checkpoint stored after it, in their order; for the store's threads."""
    since = max(checkpoint, first_id_at(timezone.now() - LOOKED_BACK))
    # By the index of `_id`: what all processes stored meanwhile is read there, some seconds' worth.
    condition = {"_id": {"$gt": since, "$lt": LAST_ID, "$regex": f"{process_tag(checkpoint)}$"}}
    return list(durable(Message).find(condition, sort=[("_id", 1)]))
