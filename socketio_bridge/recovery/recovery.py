"""Connection state recovery: a client that was cut off comes back as the socket that it was, and misses nothing.

This is a node's part while sessions are here: what it tells others goes by a stream which keeps it
(`socketio_bridge.recovery.stream`), packets carry an offset (`socketio_bridge.recovery.offsets`), and each session
leaves what it needs to come back in Redis, or in memory (`socketio_bridge.recovery.store`). How it comes back is
`socketio_bridge.recovery.restoration`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from contextvars import Context
from typing import Any

import msgspec

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.adapter.envelope import Emission, Heartbeat, Message
from socketio_bridge.options import Options
from socketio_bridge.recovery.gaps import Gaps
from socketio_bridge.recovery.memory_store import MemoryRecoveryStore
from socketio_bridge.recovery.offsets import ALL, ORIGIN_LENGTH, Mark, Position
from socketio_bridge.recovery.recoverable import Recoverable, note, recoverable_of
from socketio_bridge.recovery.restoration import RELEASE, SLACK, Claim, Restoration, with_offset
from socketio_bridge.recovery.store import (
    RELEASED,
    Entry,
    Place,
    RecoveryStore,
    Save,
    State,
)
from socketio_bridge.recovery.stream import Stream
from socketio_bridge.sockets.client import extend_sockets
from socketio_bridge.sockets.interfaces import Restored
from socketio_bridge.sockets.socket import Socket

logger = logging.getLogger(__name__)

ASKS = "recovery"
"""What a client says `true` of in its handshake, to be one that may come back."""

_RECOVERABLE = frozenset({"transport close", "transport error", "ping timeout", "server shutting down"})
_REFRESH = 30.0  # seconds between the times at which the sessions here are written again
_RETRY = 0.5  # seconds between attempts while Redis is away
_LEFT_LIMIT = 10_000  # sessions that left and may wait for Redis


class Recovery:
    """A node's part in it, by the hooks of the node and of its sockets.

    While Redis is out of reach nobody recovers, and all else goes on.

    Attributes:
        store: Where the stream and the sessions are.
    """

    def __init__(self, adapter: Adapter, options: Options) -> None:
        duration = options.max_disconnection_duration or 0.0
        self._adapter = adapter
        place = Place.of(options)
        self.store = _open_store(place, adapter.id)
        self._duration = duration
        self._for_all = options.recovery_clients == "all"
        self._refresh_interval = min(duration / 4, _REFRESH)
        # Seconds that a client may have to catch up with: where it came to was noted a refresh ago, of an entry that
        # was read a refresh before that.
        self._oldest = duration + 2 * self._refresh_interval + SLACK
        self._origin = adapter.id[:ORIGIN_LENGTH]
        self._gaps = Gaps()
        self._stream = Stream(adapter.id, self.store, self._read)
        self._taken = ALL  # messages of the entry that was read last
        self._mark: Mark | None = None  # of the emission that is being delivered, from the stream
        self._restoration = Restoration(
            adapter,
            self.store,
            self._stream,
            duration=duration,
            longest_backlog=options.outbound_limit // 2,
        )
        self._claims: dict[Socket, Claim] = {}  # of sockets that are to be restored
        self._held: dict[str, Socket] = {}  # by pid
        self._changed: dict[str, Socket] = {}
        self._left: list[Save] = []
        self._gone: list[str] = []
        self._saver: asyncio.Task[None] | None = None
        self._refresher: asyncio.Task[None] | None = None
        self._stopping = False
        self._stopped = False
        adapter.cluster.on_request(RELEASE, self._release)

    async def start(self) -> None:
        """Join the stream; the node listens to the channel layer already."""
        self._adapter.hooks = self
        await self._stream.start()
        self._refresher = asyncio.create_task(self._refresh(), context=Context())
        extend_sockets(self._adapter, self)

    async def stop(self) -> None:
        """Write what waits."""
        self._stopping = True
        if self._refresher is not None:
            self._refresher.cancel()
            await asyncio.gather(self._refresher, return_exceptions=True)
        await self._stream.stop()
        if self._saver is not None:
            await asyncio.wait([self._saver])
        await self.store.close()
        extend_sockets(self._adapter, None)
        self._stopped = True

    # The adapter's hooks.

    def publish(self, message: Message) -> None:
        """Have a message written to the stream."""
        self._stream.record(message)

    async def flush(self) -> bool:
        """Return when all that was published before is in the stream: True; or at once, False, without Redis."""
        return await self._stream.kept()

    def deliver(self, emission: Emission, sockets: Collection[Any]) -> None:
        """Queue an emission's packet, with its offset for those who can come back with it."""
        offset = text = ""
        for socket in sockets:
            recoverable: Recoverable | None = socket.extension_state
            if recoverable is None:
                socket.send_packet(emission.packet, emission.attachments)
                continue
            if recoverable.covered is not None:
                mark = self._mark or Mark(self._origin, emission.sequence)
                self._restoration.deliver(emission, socket, recoverable, mark, self._position())
                continue
            if not text:
                offset = str(self._position())
                text = with_offset(emission.packet, offset)
            recoverable.last_offset = offset
            socket.send_packet(text, emission.attachments)

    def _read(self, entry: Entry) -> None:
        """Deliver the messages of another node, and note how far in an entry this one is."""
        if entry.origin == self._adapter.id:
            self._taken = ALL
            return
        messages = entry.messages
        since = self._gaps.missed_before(entry, len(messages))
        if since is not None:
            self._adapter.report_gap(since)
        self._taken = 0
        for message in messages:
            self._taken += 1
            if isinstance(message, Emission):
                self._mark = Mark(entry.origin[:ORIGIN_LENGTH], message.sequence, entry.id, self._taken)
            try:
                self._adapter.take(entry.origin, message)
            finally:
                self._mark = None

    def _position(self) -> Position:
        """How far this node is now."""
        number = self._stream.number
        numbers = {self._origin: number} if number > self._stream.returned else {}
        return Position(self._stream.entry or (0, 0), self._taken, numbers)

    # The sockets' hooks.

    def emit(self, socket: Socket, packet: str, attachments: list[bytes], *, volatile: bool) -> None:
        """Send an event to one socket; if it is cut off meanwhile, it gets it when it comes back."""
        if self._stopped or recoverable_of(socket) is None:
            if socket.ready or not (volatile or socket.departed):
                socket.send_packet(packet, attachments)
            return
        # One that departed may have come back: elsewhere, or here as another object.
        emission = Emission(socket.namespace, [socket.id], [], packet, attachments, volatile)
        self._adapter.emit(emission, local=volatile)

    def connecting(self, socket: Socket, auth: dict[str, Any]) -> None:
        """Let a socket come back later, from before its connect handler runs; or now, where it claims a session."""
        if isinstance(pid := auth.pop("pid", None), str):
            offset = auth.pop("offset", None)
            self._claims[socket] = Claim(pid, offset if isinstance(offset, str) else "")
        if self._for_all or socket in self._claims or socket.handshake.says(ASKS):
            self._offer(socket)

    async def restore(self, socket: Socket) -> Restored | None:
        """`Restoration.restore`, for a socket that claims a session."""
        claim = self._claims.pop(socket, None)
        if claim is None or self._stopped:
            return None
        restored = await self._restoration.restore(socket, claim)
        if restored is None and not socket.departed:
            self._offer(socket)
        return restored

    def resume(self, socket: Socket) -> None:
        """`Restoration.resume`."""
        self._restoration.resume(socket)

    def accepted(self, socket: Socket) -> None:
        """A socket was let in: keep what it needs to come back."""
        recoverable = recoverable_of(socket)
        if recoverable is not None:
            self._held[recoverable.pid] = socket
            self.changed(socket)

    def changed(self, socket: Socket) -> None:
        """A socket's rooms or data have changed."""
        recoverable = recoverable_of(socket)
        if recoverable is not None and recoverable.pid in self._held:
            self._changed[recoverable.pid] = socket
            self._save_soon()

    def handled(self, socket: Socket) -> None:
        """A handler of a socket has ended: its data may have changed."""
        recoverable = recoverable_of(socket)
        if recoverable is not None and recoverable.seen_data != socket.data.__dict__:
            self.changed(socket)

    def left(self, socket: Socket, reason: str) -> None:
        """A socket is gone: for good, or to come back."""
        self._claims.pop(socket, None)
        recoverable = recoverable_of(socket)
        if recoverable is None or self._held.pop(recoverable.pid, None) is None:
            return
        self._changed.pop(recoverable.pid, None)
        if reason in _RECOVERABLE:
            self._left.append(self._encode(socket, recoverable, RELEASED))
        else:
            note(socket, None)
            self._gone.append(recoverable.pid)
        self._save_soon()

    def _offer(self, socket: Socket) -> None:
        if self.store.reachable and self._stream.entry is not None:
            note(socket, Recoverable({"": str(self._position())}))

    async def _release(self, asker: str, pid: str) -> bool:
        """Let go of a session; whether it is released now."""
        if asker != self._adapter.id:
            await self._restoration.give_up(pid)
        socket = self._held.get(pid)
        if socket is not None:
            socket.abandon()
        await self.saved()
        return await self.store.holder(pid) == RELEASED

    # Writing sessions.

    async def saved(self) -> None:
        """Return when all that has changed of sessions is written; while Redis is out of reach, that takes as long."""
        while self._saver is not None:
            await asyncio.wait([self._saver])

    def _encode(self, socket: Socket, recoverable: Recoverable, node_id: str) -> Save:
        recoverable.seen_data = dict(socket.data.__dict__)
        known = recoverable.known_at(self._now(socket))
        user_id = socket.handshake.user_id
        state = State(socket.id, socket.namespace, sorted(socket.rooms), None, known, user_id)
        seconds = self._duration + (0 if node_id == RELEASED else self._refresh_interval)
        try:
            state.saved = socket.saved_data()
            encoded = msgspec.msgpack.encode(state)
        except Exception:
            logger.exception("What %s saves of a socket cannot be kept; it comes back without.", socket.namespace)
            state.saved = None
            encoded = msgspec.msgpack.encode(state)
        return Save(recoverable.pid, node_id, encoded, int(seconds * 1000))

    def _now(self, socket: Socket) -> str:
        recoverable = recoverable_of(socket)
        covered = None if recoverable is None else recoverable.covered
        return str(self._position() if covered is None else covered.beside(self._position()))

    def _save_soon(self) -> None:
        if self._saver is None and not self._stopped:
            self._saver = asyncio.create_task(self._save(), context=Context())

    async def _save(self) -> None:
        try:
            while self._changed or self._left or self._gone:
                changed, self._changed = self._changed, {}
                left, self._left = self._left, []
                gone, self._gone = self._gone, []
                saves = [
                    self._encode(socket, recoverable, self._adapter.id)
                    for socket in changed.values()
                    if (recoverable := recoverable_of(socket)) is not None
                ]
                try:
                    await self.store.save(self._adapter.id, [*left, *saves])
                    if gone:
                        await self.store.forget(self._adapter.id, gone)
                    self.store.succeeded()
                except self.store.unreachable as error:
                    self.store.failed(error)
                    if self._stopping:
                        return
                    still_here = {pid: socket for pid, socket in changed.items() if self._held.get(pid) is socket}
                    self._changed = still_here | self._changed
                    self._left = [*left, *self._left][-_LEFT_LIMIT:]
                    self._gone = [*gone, *self._gone][-_LEFT_LIMIT:]
                    await asyncio.sleep(_RETRY)
        finally:
            self._saver = None

    async def _refresh(self) -> None:
        while not self._stopping:  # a cancellation may get lost in wait_for (Python 3.11), which the Redis client uses
            await asyncio.sleep(self._refresh_interval if self.store.reachable else _RETRY)
            await self._renew()

    async def _renew(self) -> None:
        now = time.time()
        self._stream.record(Heartbeat())  # Where all are silent, where they are moves on by this.
        try:
            await self.store.trim(int((now - self._oldest) * 1000))
        except self.store.unreachable as error:
            self.store.failed(error)
            return
        self.store.succeeded()
        nodes = {node_id[:ORIGIN_LENGTH] for node_id in self._adapter.cluster.nodes}
        for socket in self._held.values():
            recoverable = recoverable_of(socket)
            if recoverable is not None:
                recoverable.forget_all_but(nodes)
                recoverable.remember(self._now(socket), int((now - self._oldest) * 1000))
        self._changed |= self._held
        self._save_soon()


def _open_store(place: Place, node_id: str) -> RecoveryStore:
    if place.url is None:
        return MemoryRecoveryStore(place.stream_length)
    from socketio_bridge.recovery.redis_store import RedisRecoveryStore  # which needs an optional package

    return RedisRecoveryStore(place, node_id)
