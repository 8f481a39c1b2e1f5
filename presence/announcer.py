"""What a process announces by itself: changes of presence that no socket of it announces, and deaths of processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable, Sequence
from typing import Any

from persistence.redis_client import REDIS_AWAY
from presence.registry import Registry

logger = logging.getLogger(__name__)

Callback = Callable[[str], Awaitable[None]]

_AT_ONCE = 16  # users who are announced


class Announcer:
    """Calls the callbacks of one `Presence`, which describes them, in tasks of its own.

    Args:
        registry: Learns what was announced of processes that died.
        on_offline: Called for users who went offline.
        on_online: Called for users who came online.
        on_restored: Called when Redis has again what it had lost.
        on_death: Called for processes that died.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        on_offline: Callback,
        on_online: Callback,
        on_restored: Callable[[], Awaitable[None]] | None,
        on_death: Callback | None,
    ) -> None:
        self._registry = registry
        self._on_offline = on_offline
        self._on_online = on_online
        self._on_restored = on_restored
        self._on_death = on_death
        self._came: set[str] = set()  # users who changed in Redis' eyes, which is not announced yet
        self._went: set[str] = set()
        self._deaths: set[str] = set()  # processes whose death is being announced
        self._restoring: asyncio.TimerHandle | None = None  # until `on_restored`
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, came: Iterable[str], went: Iterable[str]) -> None:
        """Note who came online and who went offline, for `hand_over` or `announce`."""
        self._came.update(came)
        self._went.update(went)

    def hand_over(self, user_id: str, *, came: bool) -> bool:
        """Leave a change to who caused it.

        Args:
            user_id: The user.
            came: Whether the user came online; else offline.

        Returns:
            Whether there is such a change. Of several who caused it together, the first one announces it.
        """
        changed = self._came if came else self._went
        found = user_id in changed
        changed.discard(user_id)
        return found

    def announce(self, moving: Container[str]) -> None:
        """Announce the changes that nobody is still to announce.

        Args:
            moving: Users of whom a move is on its way to Redis: a caller of `enter` or `leave` waits for it, and
                announces what comes of it.
        """
        for changed, callback in ((self._came, self._on_online), (self._went, self._on_offline)):
            changes = {user for user in changed if user not in moving}
            if changes:
                changed -= changes
                self._in_background(self._announce(changes, callback))

    def announce_dead(self, users: Sequence[str], process_ids: Iterable[str]) -> None:
        """Announce what a heartbeat found.

        Args:
            users: Who went offline with processes that died.
            process_ids: Processes that died. Those that are being announced already are left out.
        """
        if users:
            self._in_background(self._announce_gone(users))
        for process_id in set(process_ids) - self._deaths:
            self._deaths.add(process_id)
            self._in_background(self._announce_death(process_id))

    def announce_restored(self, seconds: float) -> None:
        """Call `on_restored` after so many seconds, counted from the last call of this."""
        if self._restoring is not None:
            self._restoring.cancel()
        self._restoring = asyncio.get_running_loop().call_later(
            seconds, lambda: self._in_background(self._announce_restored())
        )

    def stop(self) -> set[asyncio.Task[None]]:
        """Call `on_restored` no more. Returns the tasks that are under way, for the caller to cancel."""
        if self._restoring is not None:
            self._restoring.cancel()
        return set(self._tasks)

    async def _announce_gone(self, users: Sequence[str]) -> None:
        await self._announce(users, self._on_offline)
        try:
            await self._registry.announced(users)
        except REDIS_AWAY:
            pass  # at worst they are announced once more

    async def _announce_death(self, process_id: str) -> None:
        try:
            if self._on_death is not None:
                await self._on_death(process_id)
            await self._registry.death_announced(process_id)
        except REDIS_AWAY as error:
            logger.info("the death of a process is announced once more, Redis is away: %s", error)
        except Exception:
            logger.exception("the death of a process could not be announced; another heartbeat tries again")
        finally:
            self._deaths.discard(process_id)

    async def _announce_restored(self) -> None:
        if self._on_restored is None:
            return
        try:
            await self._on_restored()
        except Exception:
            logger.exception("statuses that may be wrong could not be corrected")

    async def _announce(self, users: Iterable[str], callback: Callback) -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def announce(user_id: str) -> None:
            async with places:
                try:
                    await callback(user_id)
                except Exception:
                    logger.exception("a change of presence could not be announced")

        await asyncio.gather(*map(announce, users))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
