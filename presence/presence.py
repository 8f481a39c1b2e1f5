"""Who is online, across processes: the sockets of this process, kept in step with Redis.

The state of this process is in memory; Redis gets only a user's first and last socket here. While Redis is away,
answers come from this process's own sockets, and changes meanwhile are announced once Redis is back. `on_restored` then
has those corrected who got what was answered meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from typing import NamedTuple
from uuid import uuid4

from persistence.batching import GroupCommit
from persistence.redis_client import REDIS_AWAY
from presence.announcer import Announcer, Callback
from presence.registry import Change, Registry
from socketio_bridge.outages import OUTAGE

logger = logging.getLogger(__name__)

_PART = "Redis, for presence,"
_RETRY_INTERVAL = 1.0  # seconds between looks for a Redis that is away
_STOP_PATIENCE = 3.0  # seconds for what is under way to end


class _Move(NamedTuple):
    """A user's first local socket came, or their last went."""

    user_id: str
    came: bool


class Presence:
    """Which users have a socket in any process; one object for a process and event loop.

    Both callbacks are called with a user's id, and also for users whose change did not reach Redis when it happened.

    Args:
        redis_url: `redis://…`
        on_offline: Called for users who went offline with a process that died: once in the cluster, unless the
            announcing process dies meanwhile; then another one takes over.
        on_online: Called for users whom this process registers again, after it was taken for dead or Redis lost its
            data.
        on_restored: Called a heartbeat after Redis was away, or had lost what it held for this process, and has it
            again: by then the other processes have registered their users, too.
        on_death: Called with the `process_id` of a process that died, whether it had users or not, until it returns
            without an exception; by another process, should this one die meanwhile.
        heartbeat: Seconds between two heartbeats.
        expiry: Seconds without a heartbeat after which a process is dead. A killed process's users are offline at most
            `expiry` + `heartbeat` after its last heartbeat.
        prefix: The beginning of every key in Redis. The processes of one cluster share it.

    Raises:
        ValueError: `expiry` is shorter than two heartbeats.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        on_offline: Callback,
        on_online: Callback,
        on_restored: Callable[[], Awaitable[None]] | None = None,
        on_death: Callback | None = None,
        heartbeat: float = 5.0,
        expiry: float = 15.0,
        prefix: str = "presence:",
    ) -> None:
        if not 0 < heartbeat <= expiry / 2:
            raise ValueError(
                f"heartbeat is {heartbeat} s and expiry {expiry} s; expiry must be at least two heartbeats, "
                "or a process that is a little late is taken for dead"
            )
        self.process_id = uuid4().hex
        self._heartbeat = heartbeat
        self._registry = Registry(redis_url, self.process_id, prefix=prefix, expiry=expiry)
        self._announcer = Announcer(
            self._registry, on_offline=on_offline, on_online=on_online, on_restored=on_restored, on_death=on_death
        )
        self._sockets: dict[str, set[str]] = {}
        self._stored: set[str] = set()  # the users whom Redis holds for this process
        self._version = 0  # of that, by Redis' count; below 1: not registered
        self._moving = Counter[str]()  # moves on their way to Redis, by user
        self._unsettled: set[str] = set()  # users whose change was answered without Redis
        self._up = True
        self._stopped = False
        self._redis_turn = asyncio.Lock()  # what changes Redis goes one by one, or versions would cross
        # No bound here: as many wait as sockets come and go, which the server bounds.
        self._moves: GroupCommit[_Move, bool] = GroupCommit(self._store, max_waiting=None)
        self._questions: GroupCommit[set[str], set[str]] = GroupCommit(self._ask, max_waiting=None)
        self._heart: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    async def enter(self, user_id: str, socket_id: str) -> bool:
        """Register a socket of a user. Entering twice is entering once.

        Args:
            user_id: The user.
            socket_id: An id that no other socket of the user has.

        Returns:
            Whether the user came online by it: there was no socket in any process. While Redis is away: in this
            process.

        Raises:
            ValueError: `user_id` is empty.
        """
        if not user_id:
            raise ValueError("user_id is empty; a socket that belongs to nobody has no presence")
        sockets = self._sockets.get(user_id)
        if sockets is not None:
            sockets.add(socket_id)
            return False
        self._sockets[user_id] = {socket_id}
        self._start()
        return await self._move(_Move(user_id, came=True))

    async def leave(self, user_id: str, socket_id: str) -> bool:
        """Unregister a socket of a user. One that never entered, or left before, changes nothing.

        Args:
            user_id: The user.
            socket_id: The id that the socket entered by.

        Returns:
            Whether the user went offline by it: no socket is left in any process. While Redis is away: in this process.
        """
        sockets = self._sockets.get(user_id)
        if sockets is None or socket_id not in sockets:
            return False
        sockets.remove(socket_id)
        if sockets:
            return False
        del self._sockets[user_id]
        return await self._move(_Move(user_id, came=False))

    async def online(self, user_ids: Iterable[str]) -> set[str]:
        """Find out which of some users are online: one round trip to Redis, and none if all have a socket here.

        Args:
            user_ids: The users.

        Returns:
            Those who are online. While Redis is away: those with a socket in this process.
        """
        asked = {user_id for user_id in user_ids if user_id}
        here = {user_id for user_id in asked if user_id in self._sockets}
        elsewhere = asked - here
        if not elsewhere or not self._up:
            return here
        return here | await self._questions.submit(elsewhere)

    async def count(self) -> int:
        """Count the users who are online in any process. While Redis is away: in this process."""
        if self._up:
            try:
                return await self._registry.count()
            except REDIS_AWAY as error:
                self._lose(error)
        return len(self._sockets)

    @property
    def users_here(self) -> int:
        """How many users have a socket in this process."""
        return len(self._sockets)

    async def other_processes(self, seconds: float) -> int:
        """Count the other processes that had a heartbeat lately. While Redis is away: 0.

        Args:
            seconds: How lately.
        """
        if not self._up or self._heart is None:
            return 0
        try:
            return await self._registry.others(seconds)
        except REDIS_AWAY as error:
            self._lose(error)
            return 0

    async def start(self) -> None:
        """Start the heartbeat, unless it runs already; `enter` starts it, too."""
        if self._stopped:
            self._stopped, self._up = False, True
        self._start()

    async def stop(self) -> None:
        """Stop the heartbeat and close the connections.

        Users who have no socket here go offline at the next heartbeat of another process. Users who still have one are
        expected to connect to another process: they stay online until this one is taken for dead, `expiry` later, and
        then go offline, unless they are back.
        """
        self._stopped = True
        self._hurry.set()  # a cancellation alone may get lost in wait_for (Python 3.11), which the Redis client uses
        tasks = self._announcer.stop() | ({self._heart} if self._heart is not None else set())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_PATIENCE)
        self._heart = None
        async with self._redis_turn:
            self._up = False
            self._stored.clear()
            self._version = -1  # whoever starts again registers anew
            OUTAGE.answered(_PART)
            try:
                if not self._sockets:
                    await self._registry.retire()
            except REDIS_AWAY as error:
                logger.info("presence could not sign off (%s); its entries expire", error)
            await self._registry.close()
        self._sockets.clear()

    def _start(self) -> None:
        if self._heart is None and not self._stopped:
            self._heart = asyncio.get_running_loop().create_task(
                self._live(), name="presence heartbeat", context=Context()
            )

    async def _live(self) -> None:
        while not self._stopped:
            try:
                await self._beat()
            except Exception:
                logger.exception("a presence heartbeat failed; the next one is due")
            try:
                async with asyncio.timeout(self._heartbeat if self._up else min(self._heartbeat, _RETRY_INTERVAL)):
                    await self._hurry.wait()
            except TimeoutError:
                pass
            self._hurry.clear()

    async def _beat(self) -> None:
        async with self._redis_turn:
            try:
                beat = await self._registry.beat()
                if beat is None or beat.version != self._version or not self._up:
                    await self._register()
            except REDIS_AWAY as error:
                self._lose(error)
                return
            if not self._up:
                logger.info("presence reaches Redis again; %d users are announced anew", len(self._unsettled))
                self._up = True
                OUTAGE.answered(_PART)
            unsettled, self._unsettled = self._unsettled, set()
        if beat is not None:
            self._announcer.announce_dead(beat.went, beat.died)
        if unsettled:
            online = await self.online(unsettled)
            if not self._up:  # it is away again: who is online elsewhere is not known yet
                self._unsettled |= unsettled
                return
            self._announcer.note(online, unsettled - online)
        self._announcer.announce(self._moving)

    async def _register(self) -> None:
        """Have Redis hold the users of this process, at first or after it lost some or was away."""
        if (self._version > 0 or not self._up) and not self._stopped:
            self._announcer.announce_restored(self._heartbeat)
        users = set(self._sockets)
        self._note(await self._registry.register(users))
        self._stored = users

    def _note(self, change: Change) -> None:
        self._version = change.version
        self._announcer.note(change.came, change.went)

    async def _move(self, move: _Move) -> bool:
        self._moving[move.user_id] += 1
        done = self._moves.submit(move)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            # The caller would have announced it; other sockets of the user may depend on that.
            done.add_done_callback(
                lambda _: self._announce_later(move) if not done.cancelled() and done.result() else None
            )
            raise

    def _announce_later(self, move: _Move) -> None:
        came, went = ([move.user_id], []) if move.came else ([], [move.user_id])
        self._announcer.note(came, went)
        self._announcer.announce(self._moving)

    async def _store(self, moves: Sequence[_Move]) -> list[bool]:
        """Update Redis for the users who moved. By now they may have moved again, for which later moves come."""
        async with self._redis_turn:
            for move in moves:
                self._moving[move.user_id] -= 1
                if not self._moving[move.user_id]:
                    del self._moving[move.user_id]
            if not self._up:
                return self._answer_alone(moves)
            users = {move.user_id for move in moves}
            coming = [user for user in users if user in self._sockets and user not in self._stored]
            going = [user for user in users if user not in self._sockets and user in self._stored]
            try:
                if coming or going:
                    change = await self._registry.change(coming, going)
                    if change is None:
                        await self._register()
                        _, online = await self._registry.online(going)  # of them it no longer knew that they were here
                        self._announcer.note((), set(going) - online)
                    else:
                        self._note(change)
                        self._stored.update(coming)
                        self._stored.difference_update(going)
            except REDIS_AWAY as error:
                self._lose(error)
                return self._answer_alone(moves)
        answers = [self._announcer.hand_over(move.user_id, came=move.came) for move in moves]
        self._announcer.announce(self._moving)
        return answers

    async def _ask(self, questions: Sequence[set[str]]) -> list[set[str]]:
        online: set[str] = set()
        if self._up:
            try:
                registered, online = await self._registry.online(list(set().union(*questions)))
                if self._heart is not None and not registered:
                    self._hurry.set()
            except REDIS_AWAY as error:
                self._lose(error)
        return [question & online for question in questions]

    def _answer_alone(self, moves: Sequence[_Move]) -> list[bool]:
        if not self._stopped:
            self._unsettled.update(move.user_id for move in moves)
        return [True] * len(moves)

    def _lose(self, error: Exception) -> None:
        if self._up:
            self._up = False
            OUTAGE.failed(_PART, error)
            self._hurry.set()
