"""Sessions that come back: the part of connection state recovery from a client's claim until it has caught up.

The node that a client comes back to, whichever that is, claims the session in Redis, takes over its id, rooms and data,
holds back what is emitted meanwhile, and reads in the stream what the client has missed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from typing import NamedTuple

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.exceptions import ClusterError
from socketio_bridge.recovery import offsets
from socketio_bridge.recovery.offsets import Progress
from socketio_bridge.recovery.recoverable import Mark, Missed, Recoverable, note, recoverable_of
from socketio_bridge.recovery.store import RELEASED, UNREACHABLE, RecoveryStore, State
from socketio_bridge.sockets.interfaces import Restored
from socketio_bridge.sockets.socket import Socket

logger = logging.getLogger(__name__)

RELEASE = "recovery_release"
"""The request by which a node is asked to let go of a session."""

SLACK = 2.0
"""Seconds by which processes' clocks may differ, and an envelope may be under way."""

_RELEASE_TIMEOUT = 5.0  # seconds that the process which holds a session has to let it go
_CLAIMS = 3  # attempts at a session that others claim at the same time
_COVER_TIMEOUT = 5.0  # seconds that what was heard has to appear in the stream
_COVER_DELAY = 0.01  # seconds between looks at it


class _Incomplete(Exception):
    """Something that a client missed, or may have missed, cannot be found any more."""


class Claim(NamedTuple):
    """What a client that comes back says: which session was its own, and how far it came."""

    pid: str
    offset: str


class Restoration:
    """Brings clients back.

    Sessions live `duration` seconds after a cut; a client that is behind by more than `oldest` seconds, or that missed
    more than `longest_backlog` characters, is a new one.
    """

    def __init__(
        self,
        adapter: Adapter,
        store: RecoveryStore,
        progress: Progress,
        *,
        duration: float,
        oldest: float,
        longest_backlog: int,
    ) -> None:
        self._adapter = adapter
        self._store = store
        self._progress = progress
        self._duration = duration
        self._oldest = oldest
        self._longest_backlog = longest_backlog
        self._attempts: dict[str, tuple[Socket, asyncio.Future[None]]] = {}  # by pid

    async def restore(self, socket: Socket, claim: Claim) -> Restored | None:
        """Make a socket the one that its client had before; None where that cannot be, and it is a new one.

        It is in its rooms from here on, and what is emitted to it is held back until `resume`. When the client is gone
        again by the end, its session is left to its next attempt.
        """
        await self.give_up(claim.pid)
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._attempts[claim.pid] = socket, ended
        try:
            return await self._attempt(socket, claim)
        finally:
            del self._attempts[claim.pid]
            ended.set_result(None)

    async def give_up(self, pid: str) -> None:
        """End what attempt at a session is under way here: its client has made another one."""
        while pid in self._attempts:
            socket, ended = self._attempts[pid]
            if not socket.departed:
                socket.abandon()
            await asyncio.shield(ended)

    async def _attempt(self, socket: Socket, claim: Claim) -> Restored | None:
        try:
            state = await self._claim(socket, claim.pid)
            if state is None:
                return None
            start = _start(state, claim)
            in_time = start is not None and start[0] > (time.time() - self._oldest) * 1000
            if start is not None and in_time and state.namespace == socket.namespace:
                restored = await self._restore(socket, claim, state, *start)
                if not socket.departed:
                    return restored
                await self._store.release(self._adapter.id, claim.pid)
                return None
        except _Incomplete as error:
            logger.warning("A client's connection cannot be recovered, it begins a new one: %s.", error)
        except UNREACHABLE as error:
            self._store.failed(error)
        recoverable = recoverable_of(socket)
        if recoverable is not None and recoverable.held_back is not None:
            note(socket, None)
            socket.become(None, ())
        return None

    def resume(self, socket: Socket) -> None:
        """The socket was let in: send what it missed, then what was held back, then what comes."""
        recoverable = recoverable_of(socket)
        if recoverable is None or recoverable.covered is None or recoverable.held_back is None:
            return  # The client left again.
        for packet in recoverable.missed:
            socket.send_packet(packet.text, packet.attachments)
        held_back, recoverable.held_back, recoverable.missed = recoverable.held_back, None, ()
        numbers = dict(recoverable.covered)
        for emission, (origin, sequence) in held_back:
            if sequence and sequence <= numbers.get(origin, 0):
                continue
            if sequence:
                numbers[origin] = sequence
            _send(emission, socket, recoverable, offsets.write(self._progress.milliseconds, numbers))
        recoverable.covered = numbers
        self._caught_up(recoverable)

    def deliver(self, emission: Emission, socket: Socket, recoverable: Recoverable, mark: Mark) -> None:
        """Queue an emission for a socket that came back, unless it got it from the stream."""
        if recoverable.held_back is not None:
            recoverable.held_back.append((emission, mark))
            socket.hold(emission.size)
            return
        covered = recoverable.covered or {}
        origin, sequence = mark
        if sequence and sequence <= covered.get(origin, 0):
            return
        _send(emission, socket, recoverable, self._progress.beside(covered))
        self._caught_up(recoverable)

    def _caught_up(self, recoverable: Recoverable) -> None:
        """Treat a restored socket like all others as soon as this node has heard all that the stream gave it."""
        if self._progress.includes(recoverable.covered or {}):
            recoverable.covered = None

    async def _claim(self, socket: Socket, pid: str) -> State | None:
        for _ in range(_CLAIMS):
            holder = await self._store.holder(pid)
            if holder is None:
                return None
            if holder != RELEASED:
                try:
                    # It may not have noticed that its client is gone.
                    if await self._adapter.cluster.request(holder, RELEASE, pid, _RELEASE_TIMEOUT):
                        holder = RELEASED
                except ClusterError as error:
                    logger.info("The process that held a session does not let go of it: taken over. (%s)", error)
            if socket.departed:
                return None
            state = await self._store.claim(pid, holder, self._adapter.id, int(self._duration * 1000))
            if state is not None:
                return state
        return None

    async def _restore(
        self, socket: Socket, claim: Claim, state: State, milliseconds: int, numbers: dict[str, int]
    ) -> Restored:
        socket.become(state.sid, state.rooms)
        first = {"": state.known[""]} if "" in state.known else {}
        recoverable = Recoverable({**first, claim.offset: offsets.write(milliseconds, numbers)}, claim.pid)
        recoverable.last_offset = claim.offset
        recoverable.covered = numbers
        recoverable.held_back = []
        note(socket, recoverable)
        missed = await self._read(socket, milliseconds, numbers)
        if missed:
            recoverable.last_offset = missed[-1][1]
        recoverable.missed = [packet for packet, _ in missed]
        return Restored(state.saved)

    async def _read(self, socket: Socket, milliseconds: int, covered: dict[str, int]) -> list[tuple[Missed, str]]:
        """What the stream holds for a socket beyond `covered`, which is carried on; raises `_Incomplete`.

        All that had been heard before the socket entered its rooms here must be in the stream. It is, but for what was
        emitted here this moment, or while Redis was away.
        """
        start = milliseconds / 1000 - SLACK
        target = self._progress.since(start)
        rooms = {socket.id, *socket.rooms}
        missed: list[tuple[Missed, str]] = []
        size = 0
        last = str(int(start * 1000))
        deadline = time.monotonic() + _COVER_TIMEOUT
        while True:
            if await self._store.cut_after(milliseconds):
                raise _Incomplete("the stream is too short")
            async for entry in self._store.since(last):
                last = entry.id
                known = covered.get(entry.origin)
                if known is None and entry.lost_until >= start * 1000:
                    raise _Incomplete(f"something that {entry.origin} emitted could not be kept")
                for emission in entry.emissions:
                    if known is not None:
                        if emission.sequence <= known:
                            continue
                        if emission.sequence != known + 1:
                            raise _Incomplete(f"{entry.origin} has {emission.sequence} after {known}")
                    known = covered[entry.origin] = emission.sequence
                    if _is_for(emission, socket.namespace, rooms):
                        offset = offsets.write(entry.milliseconds, covered)
                        size += emission.size
                        missed.append((Missed(with_offset(emission.packet, offset), emission.attachments), offset))
                if size > self._longest_backlog:
                    raise _Incomplete(f"more than {self._longest_backlog} characters were missed")
            if all(covered.get(origin, 0) >= number for origin, number in target.items()):
                break
            if time.monotonic() > deadline:
                raise _Incomplete(f"of {target} the stream has {covered}")
            await asyncio.sleep(_COVER_DELAY)
        if await self._store.cut_after(milliseconds):
            raise _Incomplete("the stream was cut while it was read")
        return missed


def with_offset(packet: str, offset: str) -> str:
    """An event's packet with its offset as the last argument."""
    return f'{packet[:-1]},"{offset}"]'


def _start(state: State, claim: Claim) -> offsets.Position | None:
    """From where on a client may have missed something: it has what it says, and missed nothing before it connected.

    (The stock client says, until it gets an event, the offset of the session that it had before.)
    """
    claimed = offsets.read(state.known.get(claim.offset, claim.offset))
    first = offsets.read(state.known.get(""))
    if claimed is None or first is None:
        return claimed
    return max(claimed[0], first[0]), offsets.later(claimed[1], first[1])


def _send(emission: Emission, socket: Socket, recoverable: Recoverable, offset: str) -> None:
    recoverable.last_offset = offset
    socket.send_packet(with_offset(emission.packet, offset), emission.attachments)


def _is_for(emission: Emission, namespace: str, rooms: Collection[str]) -> bool:
    if emission.namespace != namespace or any(room in rooms for room in emission.except_):
        return False
    return emission.rooms is None or any(room in rooms for room in emission.rooms)
