"""Sessions that come back: the part of connection state recovery from a client's claim until it has caught up.

The node that a client comes back to, whichever that is, claims the session in Redis, takes over its id, rooms and data,
holds back what is emitted meanwhile, and reads in the stream what the client has missed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.exceptions import ClusterError
from socketio_bridge.recovery import offsets
from socketio_bridge.recovery.offsets import ALL, ORIGIN_LENGTH, Mark, Position
from socketio_bridge.recovery.recoverable import Missed, Recoverable, note, recoverable_of
from socketio_bridge.recovery.store import RELEASED, RecoveryStore, State
from socketio_bridge.recovery.stream import Stream
from socketio_bridge.sockets.interfaces import Restored
from socketio_bridge.sockets.socket import Socket

logger = logging.getLogger(__name__)

RELEASE = "recovery_release"
"""The request by which a node is asked to let go of a session."""

SLACK = 2.0
"""Seconds by which the clocks of processes and of Redis may differ."""

_RELEASE_TIMEOUT = 5.0  # seconds that the process which holds a session has to let it go
_CLAIMS = 3  # attempts at a session that others claim at the same time
_WATCH = 0.1  # seconds between looks whether that process is alive
_KEEP_TIMEOUT = 5.0  # seconds that what was emitted here has to get into the stream
_KEEP_DELAY = 0.05  # seconds between looks at it, while Redis was away


class _Incomplete(Exception):
    """Something that a client missed, or may have missed, cannot be found any more."""


class Claim(NamedTuple):
    """What a client that comes back says: which session was its own, and how far it came."""

    pid: str
    offset: str


class Restoration:
    """Brings clients back.

    Sessions live `duration` seconds after a cut; a client that missed more than `longest_backlog` characters is a new
    one.
    """

    def __init__(
        self,
        adapter: Adapter,
        store: RecoveryStore,
        stream: Stream,
        *,
        duration: float,
        longest_backlog: int,
    ) -> None:
        self._adapter = adapter
        self._store = store
        self._stream = stream
        self._duration = duration
        self._longest_backlog = longest_backlog
        self._attempts: dict[str, tuple[Socket, asyncio.Future[None]]] = {}  # by pid
        self._origin = adapter.id[:ORIGIN_LENGTH]
        self._watching = asyncio.Lock()

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
            same = state.namespace == socket.namespace and state.user_id == socket.handshake.user_id
            if start is not None and same:
                restored = await self._restore(socket, claim, state, start)
                if not socket.departed:
                    return restored
                await self._store.release(self._adapter.id, claim.pid)
                return None
        except _Incomplete as error:
            logger.warning("A client's connection cannot be recovered, it begins a new one: %s.", error)
        except self._store.unreachable as error:
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
        for emission, mark in held_back:
            if not recoverable.covered.includes(mark):
                recoverable.covered = recoverable.covered.after(mark)
                _send(emission, socket, recoverable, str(recoverable.covered))

    def deliver(
        self, emission: Emission, socket: Socket, recoverable: Recoverable, mark: Mark, position: Position
    ) -> None:
        """Queue an emission for a socket that came back, unless it got it from the stream.

        `position`: how far this node is. A socket that is not ahead of it any more is treated like all others.
        """
        if recoverable.held_back is not None:
            recoverable.held_back.append((emission, mark))
            socket.hold(emission.size)
            return
        covered = recoverable.covered
        if covered is None or covered.includes(mark):
            return
        covered = covered.beside(position)
        if mark.entry is not None and mark.number:
            covered = covered.without(mark.origin)  # whose emissions before this one are in the stream before it
        _send(emission, socket, recoverable, str(covered))
        ahead = covered.entry > position.entry or any(origin != self._origin for origin in covered.numbers)
        recoverable.covered = covered if ahead else None

    async def _claim(self, socket: Socket, pid: str) -> State | None:
        for _ in range(_CLAIMS):
            holder = await self._store.holder(pid)
            if holder is None:
                return None
            if holder != RELEASED:
                try:
                    # It may not have noticed that its client is gone.
                    if await self._ask_for(pid, holder):
                        holder = RELEASED
                except ClusterError as error:
                    logger.info("The process that held a session does not let go of it: taken over. (%s)", error)
            if socket.departed:
                return None
            state = await self._store.claim(pid, holder, self._adapter.id, int(self._duration * 1000))
            if state is not None:
                return state
        return None

    async def _ask_for(self, pid: str, holder: str) -> bool:
        """Ask the node that holds a session to let it go. Raises `NodeGone` soon when its process was killed."""
        watch = asyncio.create_task(self._watch(holder))
        try:
            return bool(await self._adapter.cluster.request(holder, RELEASE, pid, _RELEASE_TIMEOUT))
        finally:
            watch.cancel()

    async def _watch(self, node_id: str) -> None:
        """Take a node for dead as soon as it has no connection to Redis: long before its heartbeats are missed."""
        with suppress(*self._store.unreachable):
            while True:
                await asyncio.sleep(_WATCH)
                async with self._watching:
                    if node_id in self._adapter.cluster.nodes and not await self._store.connected(node_id):
                        self._adapter.cluster.forget(node_id, "its process has ended")

    async def _restore(self, socket: Socket, claim: Claim, state: State, start: Position) -> Restored:
        socket.become(state.sid, state.rooms)
        first = {"": state.known[""]} if "" in state.known else {}
        recoverable = Recoverable({**first, claim.offset: str(start)}, claim.pid)
        recoverable.last_offset = claim.offset
        recoverable.covered = start
        recoverable.held_back = []
        note(socket, recoverable)
        async with asyncio.timeout(_KEEP_TIMEOUT):
            while not await self._stream.kept():  # noqa: ASYNC110 - it waits by itself, unless Redis was just away
                await asyncio.sleep(_KEEP_DELAY)
        missed, recoverable.covered = await self._read(socket, start)
        if missed:
            recoverable.last_offset = missed[-1][1]
        recoverable.missed = [packet for packet, _ in missed]
        return Restored(state.saved)

    async def _read(self, socket: Socket, start: Position) -> tuple[list[tuple[Missed, str]], Position]:
        """What the stream holds for a socket beyond `start`, with offsets, and how far that is.

        All that was emitted here before the socket entered its rooms is in the stream. Raises `_Incomplete`.
        """
        rooms = {socket.id, *socket.rooms}
        missed: list[tuple[Missed, str]] = []
        size = own = 0
        position = start
        async for entry in self._store.since(start.entry):
            if entry.gap and entry.id > start.entry:
                raise _Incomplete(f"something that {entry.origin} emitted could not be kept")
            if entry.origin == self._adapter.id:
                own = entry.number  # What is held back says its number, not the entry in which it was read now.
            origin = entry.origin[:ORIGIN_LENGTH]
            had = position.numbers.get(origin, 0)
            # Of those, the ones that are not in the stream yet.
            numbers = {name: last for name, last in position.numbers.items() if name != origin or last > entry.number}
            for taken, message in enumerate(entry.messages, 1):
                if not isinstance(message, Emission) or message.sequence <= had or (entry.id, taken) <= start[:2]:
                    continue
                emission = message.within(socket.namespace)
                if emission is not None and _is_for(emission, rooms):
                    offset = str(Position(entry.id, taken, position.numbers))
                    size += emission.size
                    missed.append((Missed(with_offset(emission.packet, offset), emission.attachments), offset))
            position = Position(entry.id, ALL, numbers)
            if size > self._longest_backlog:
                raise _Incomplete(f"more than {self._longest_backlog} characters were missed")
        oldest = await self._store.oldest()
        if oldest is None or oldest > start.entry:
            raise _Incomplete("the stream is too short")
        return missed, position._replace(numbers={**position.numbers, self._origin: own})


def with_offset(packet: str, offset: str) -> str:
    """An event's packet with its offset as the last argument."""
    return f'{packet[:-1]},"{offset}"]'


def _start(state: State, claim: Claim) -> Position | None:
    """From where on a client may have missed something: it has what it says, and missed nothing before it connected.

    (The stock client says, until it gets an event, the offset of the session that it had before.)
    """
    claimed = offsets.read(state.known.get(claim.offset, claim.offset))
    first = offsets.read(state.known.get(""))
    return claimed if claimed is None or first is None else claimed.beside(first)


def _send(emission: Emission, socket: Socket, recoverable: Recoverable, offset: str) -> None:
    recoverable.last_offset = offset
    socket.send_packet(with_offset(emission.packet, offset), emission.attachments)


def _is_for(emission: Emission, rooms: Collection[str]) -> bool:
    if any(room in rooms for room in emission.except_):
        return False
    return emission.rooms is None or any(room in rooms for room in emission.rooms)
