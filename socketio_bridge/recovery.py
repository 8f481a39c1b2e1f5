"""Connection state recovery: a client that was cut off comes back as the socket that it was, and misses nothing.

A hub numbers what it emits and writes it, once a loop turn at most, to a stream in Redis; packets carry an offset
(`socketio_bridge.offsets`), and each session leaves what it needs to come back in Redis too
(`socketio_bridge.recovery_store`). The hub that a client comes back to, whichever that is, claims the session, takes
over its id, rooms and data, holds back what is emitted meanwhile, and reads in the stream what the client has missed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from redis import RedisError

from socketio_bridge import offsets
from socketio_bridge.envelope import Emission
from socketio_bridge.exceptions import ClusterError
from socketio_bridge.offsets import NO_HUB, ORIGIN_LENGTH
from socketio_bridge.options import Options
from socketio_bridge.recovery_store import RELEASED, RecoveryStore, Save, State, redis_url

if TYPE_CHECKING:
    from socketio_bridge.hub import Hub
    from socketio_bridge.socket import Socket

logger = logging.getLogger(__name__)

_KIND = "recovery_release"
_RECOVERABLE = frozenset({"transport close", "transport error", "ping timeout", "server shutting down"})
_REFRESH = 30.0  # seconds between the times at which the sessions here are written again
_SLACK = 2.0  # seconds by which processes' clocks may differ, and an envelope may be under way
_RELEASE_TIMEOUT = 5.0  # seconds that the process which holds a session has to let it go
_COVER_TIMEOUT = 5.0  # seconds that what was heard has to appear in the stream
_COVER_DELAY = 0.01  # seconds between looks at it
_LOG_LIMIT = 50_000  # emissions that may wait for Redis
_SEED = 1000  # entries of the stream that a new hub looks at
_UNREACHABLE = (RedisError, OSError, TimeoutError, msgspec.MsgspecError)

Mark = tuple[str, int]
"""An emission's origin and number there; 0 for one that is not in the stream."""


class _Incomplete(Exception):
    """Something that a client missed, or may have missed, cannot be found any more."""


class Claim(NamedTuple):
    """What a client that comes back says: which session was its own, and how far it came."""

    pid: str
    offset: str


class Missed(NamedTuple):
    """A packet that the client has missed, with its offset in it."""

    text: str
    attachments: Sequence[bytes]


class Restored(NamedTuple):
    """A session that came back: what its namespace saved, and what it missed."""

    saved: Any
    missed: list[Missed]


class Recoverable:
    """What recovery notes of a socket.

    `covered` is set for one that came back: how far it was brought from the stream, where that may be further than
    this hub has heard. `known` is `State.known` as it was when the client came.
    """

    __slots__ = ("covered", "known", "last_offset", "pid", "seen_data")

    def __init__(self, floor: str) -> None:
        self.pid = secrets.token_urlsafe(18)
        self.last_offset = ""
        self.known: dict[str, str] = {"": floor}
        self.covered: dict[str, int] | None = None
        self.seen_data: dict[str, Any] = {}


class Recovery:
    """A hub's part in it. While Redis is out of reach nobody recovers, and all else goes on."""

    def __init__(self, hub: Hub, options: Options) -> None:
        self._hub = hub
        self._origin = hub.id[:ORIGIN_LENGTH]
        self._store = RecoveryStore(redis_url(options.recovery_redis_url), options.recovery_stream_length)
        self._duration = options.max_disconnection_duration or 0.0
        self._refresh_interval = min(self._duration / 4, _REFRESH)
        self._longest_backlog = options.outbound_limit // 2
        self._sequence = 0
        self._heard: dict[str, int] = {}  # the last emission of each hub that was delivered here,
        self._heard_at: dict[str, float] = {}  # when that was (Unix time),
        self._entries: dict[str, str] = {}  # and how offsets write it
        self._held: dict[str, Socket] = {}  # by pid
        self._log: list[Emission] = []
        self._changed: dict[str, Socket] = {}
        self._left: list[Save] = []
        self._gone: list[str] = []
        self._logger: asyncio.Task[None] | None = None
        self._saver: asyncio.Task[None] | None = None
        self._refresher: asyncio.Task[None] | None = None
        self._reachable = True
        hub.cluster.answer(_KIND, self._release)

    async def start(self) -> None:
        """Learn how far the others are; the hub listens to them already."""
        try:
            for entry in reversed(await self._store.latest(_SEED)):
                for emission in entry.emissions:
                    self.hear(entry.origin, emission.sequence)
                    self._heard_at[entry.origin] = entry.milliseconds / 1000
        except _UNREACHABLE as error:
            self._failed(error)
        self._refresher = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        """Write what waits."""
        if self._refresher is not None:
            self._refresher.cancel()
            await asyncio.gather(self._refresher, return_exceptions=True)
        for task in (self._logger, self._saver):
            if task is not None:
                await asyncio.wait([task])
        await self._store.close()

    # Emissions.

    def record(self, emission: Emission) -> None:
        """Number an emission of this hub and have it written to the stream."""
        self._sequence += 1
        emission.sequence = self._sequence
        self.hear(self._origin, self._sequence)
        self._log.append(emission)
        if self._logger is None:
            self._logger = asyncio.create_task(self._write_log())
        elif len(self._log) > _LOG_LIMIT:
            del self._log[:_LOG_LIMIT]

    def hear(self, origin: str, sequence: int) -> None:
        """Note that an emission is being delivered here."""
        if sequence > self._heard.get(origin, 0):
            self._heard[origin] = sequence
            self._heard_at[origin] = time.time()
            self._entries[origin] = f"{origin}:{sequence}"

    def offset(self) -> str:
        """How far this hub is now."""
        return ".".join([str(int(time.time() * 1000)), *self._entries.values()])

    def deliver(self, emission: Emission, sockets: Collection[Socket], origin: str) -> None:
        """Queue an emission's packet, with its offset for those who can come back with it."""
        offset = text = ""
        for socket in sockets:
            recoverable = socket.recoverable
            if recoverable is None:
                socket.send_packet(emission.packet, emission.attachments)
                continue
            if recoverable.covered is not None:
                self._deliver_to_restored(emission, socket, recoverable, (origin or self._origin, emission.sequence))
                continue
            if not text:
                offset = self.offset()
                text = _with_offset(emission.packet, offset)
            recoverable.last_offset = offset
            socket.send_packet(text, emission.attachments)

    def emit_to(self, socket: Socket, packet: str, attachments: list[bytes], *, volatile: bool) -> None:
        """Send an event to one socket; if it is cut off meanwhile, it gets it when it comes back."""
        emission = Emission(socket.namespace, [socket.id], [], packet, attachments, volatile)
        if volatile:
            if not socket.ready:
                return
        elif socket.departed:
            self._hub.emit(emission)  # It may have come back: elsewhere, or here as another object.
            return
        else:
            self.record(emission)
        self.deliver(emission, [socket], self._origin)

    def _deliver_to_restored(self, emission: Emission, socket: Socket, recoverable: Recoverable, mark: Mark) -> None:
        if socket.held_back is not None:
            socket.held_back.append((emission, mark))
            return
        covered = recoverable.covered or {}
        origin, sequence = mark
        if sequence and sequence <= covered.get(origin, 0):
            return  # The stream gave it already.
        self._send_restored(emission, socket, recoverable, self._beside(covered))
        self._caught_up(recoverable)

    def _send_restored(
        self, emission: Emission, socket: Socket, recoverable: Recoverable, numbers: Mapping[str, int]
    ) -> None:
        recoverable.last_offset = offsets.write(int(time.time() * 1000), numbers)
        socket.send_packet(_with_offset(emission.packet, recoverable.last_offset), emission.attachments)

    def _beside(self, covered: Mapping[str, int]) -> dict[str, int]:
        """What this hub has heard and what a client got from the stream, taken together."""
        return {**covered, **{origin: n for origin, n in self._heard.items() if n > covered.get(origin, 0)}}

    def _caught_up(self, recoverable: Recoverable) -> None:
        """Treat a restored socket like all others as soon as this hub has heard all that the stream gave it."""
        covered = recoverable.covered or {}
        if all(self._heard.get(origin, 0) >= number for origin, number in covered.items()):
            recoverable.covered = None

    async def _write_log(self) -> None:
        try:
            while self._log:
                emissions, self._log = self._log, []
                try:
                    await self._store.append(self._origin, emissions)
                    self._succeeded()
                except _UNREACHABLE as error:
                    # The numbers that are missing now tell whoever comes back that it missed something.
                    self._failed(error)
        finally:
            self._logger = None

    # Sessions that are here.

    def offer(self, socket: Socket) -> None:
        """Let a socket come back later, from before its connect handler runs."""
        if self._reachable:
            socket.recoverable = Recoverable(self.offset())

    def accepted(self, socket: Socket) -> None:
        """A socket was let in: keep what it needs to come back."""
        if socket.recoverable is not None:
            self._held[socket.recoverable.pid] = socket
            self.touch(socket)

    def touch(self, socket: Socket) -> None:
        """A socket's rooms or data have changed."""
        recoverable = socket.recoverable
        if recoverable is not None and recoverable.pid in self._held:
            self._changed[recoverable.pid] = socket
            self._save_soon()

    def handled(self, socket: Socket) -> None:
        """A handler of a socket has ended: its data may have changed."""
        recoverable = socket.recoverable
        if recoverable is not None and recoverable.seen_data != socket.data.__dict__:
            self.touch(socket)

    def left(self, socket: Socket, reason: str) -> None:
        """A socket is gone: for good, or to come back."""
        recoverable = socket.recoverable
        if recoverable is None or self._held.pop(recoverable.pid, None) is None:
            return
        self._changed.pop(recoverable.pid, None)
        if reason in _RECOVERABLE:
            self._left.append(self._encode(socket, recoverable, RELEASED))
        else:
            socket.recoverable = None
            self._gone.append(recoverable.pid)
        self._save_soon()

    def _encode(self, socket: Socket, recoverable: Recoverable, hub_id: str) -> Save:
        # A client that has the last event that was sent to it has missed nothing so far.
        now = offsets.write(int(time.time() * 1000), self._beside(recoverable.covered or {}))
        known = recoverable.known | {recoverable.last_offset: now}
        recoverable.seen_data = dict(socket.data.__dict__)
        state = State(socket.id, socket.namespace, sorted(socket.rooms), None, known)
        seconds = self._duration + (0 if hub_id == RELEASED else self._refresh_interval)
        try:
            state.saved = socket.saved_data()
            encoded = msgspec.msgpack.encode(state)
        except Exception:
            logger.exception("What %s saves of a socket cannot be kept; it comes back without.", socket.namespace)
            state.saved = None
            encoded = msgspec.msgpack.encode(state)
        return Save(recoverable.pid, hub_id, encoded, int(seconds * 1000))

    def _save_soon(self) -> None:
        if self._saver is None:
            self._saver = asyncio.create_task(self._save())

    async def _save(self) -> None:
        try:
            while self._changed or self._left or self._gone:
                changed, self._changed = self._changed, {}
                left, self._left = self._left, []
                gone, self._gone = self._gone, []
                saves = [
                    self._encode(socket, socket.recoverable, self._hub.id)
                    for socket in changed.values()
                    if socket.recoverable is not None
                ]
                try:
                    await self._store.save(self._hub.id, [*saves, *left])
                    if gone:
                        await self._store.forget(self._hub.id, gone)
                    self._succeeded()
                except _UNREACHABLE as error:
                    self._failed(error)
        finally:
            self._saver = None

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_interval)
            self._changed |= self._held
            self._save_soon()
            now = time.time()
            for origin, heard_at in list(self._heard_at.items()):
                if origin != self._origin and heard_at < now - self._oldest:
                    del self._heard[origin], self._heard_at[origin], self._entries[origin]
            try:
                await self._store.trim(int((now - self._oldest - _SLACK) * 1000))
                self._succeeded()
            except _UNREACHABLE as error:
                self._failed(error)

    @property
    def _oldest(self) -> float:
        """How old, in seconds, what a client must catch up with may be."""
        return self._duration + self._refresh_interval + 2 * _SLACK

    # Sessions that come back.

    async def restore(self, socket: Socket, claim: Claim) -> Restored | None:
        """Make a socket the one that its client had before; None where that cannot be, and it is a new one.

        It is in its rooms from here on, and what is emitted to it is held back until `resume`.
        """
        try:
            state = await self._claim(claim.pid)
            if state is None or state.namespace != socket.namespace:
                return None
            start = offsets.read(state.known.get(claim.offset, claim.offset))
            if start is not None and start[0] > (time.time() - self._oldest) * 1000:
                return await self._restore(socket, claim, state, *start)
        except _Incomplete as error:
            logger.warning("A client's connection cannot be recovered, it begins a new one: %s.", error)
        except _UNREACHABLE as error:
            self._failed(error)
        if socket.held_back is not None:
            socket.become(None, ())
        self._gone.append(claim.pid)
        self._save_soon()
        return None

    async def _restore(
        self, socket: Socket, claim: Claim, state: State, milliseconds: int, numbers: dict[str, int]
    ) -> Restored:
        socket.become(state.sid, state.rooms)
        recoverable = socket.recoverable = Recoverable("")
        recoverable.pid = claim.pid
        recoverable.known = {"": state.known[""], claim.offset: offsets.write(milliseconds, numbers)}
        recoverable.last_offset = claim.offset
        recoverable.covered = numbers
        missed = await self._read(socket, milliseconds, numbers)
        if missed:
            recoverable.last_offset = missed[-1][1]
        return Restored(state.saved, [packet for packet, _ in missed])

    def resume(self, socket: Socket, restored: Restored) -> None:
        """The socket was let in: send what it missed, then what was held back, then what comes."""
        recoverable, held_back = socket.recoverable, socket.held_back
        if recoverable is None or recoverable.covered is None or held_back is None:
            return  # The client left again.
        for packet in restored.missed:
            socket.send_packet(packet.text, packet.attachments)
        socket.held_back = None
        numbers = dict(recoverable.covered)
        for emission, (origin, sequence) in held_back:
            if sequence and sequence <= numbers.get(origin, 0):
                continue
            if sequence:
                numbers[origin] = sequence
            self._send_restored(emission, socket, recoverable, numbers)
        recoverable.covered = numbers
        self._caught_up(recoverable)

    async def _claim(self, pid: str) -> State | None:
        holder = await self._store.holder(pid)
        if holder is None:
            return None
        if holder != RELEASED:
            try:
                # It may not have noticed that its client is gone.
                if await self._hub.cluster.ask(holder, _KIND, pid, _RELEASE_TIMEOUT):
                    holder = RELEASED
            except ClusterError as error:
                logger.info("The process that held a session does not let go of it: taken over. (%s)", error)
        return await self._store.claim(pid, holder, self._hub.id, int(self._duration * 1000))

    async def _release(self, asker: str, pid: str) -> bool:
        """Let go of a session; whether it is released now."""
        socket = self._held.get(pid)
        if socket is not None:
            socket.abandon()
        while self._saver is not None:
            await asyncio.wait([self._saver])
        return await self._store.holder(pid) == RELEASED

    async def _read(self, socket: Socket, milliseconds: int, covered: dict[str, int]) -> list[tuple[Missed, str]]:
        """What the stream holds for a socket beyond `covered`, which is carried on; raises `_Incomplete`.

        Of what others had emitted before the socket entered its rooms here, all must be in the stream: it may be
        under way there still.
        """
        start = milliseconds / 1000 - _SLACK
        target = {origin: number for origin, number in self._heard.items() if self._heard_at[origin] >= start}
        if await self._store.cut_after(milliseconds):
            raise _Incomplete("the stream is too short")
        rooms = {socket.id, *socket.rooms}
        missed: list[tuple[Missed, str]] = []
        size = 0
        last = str(int(start * 1000))
        deadline = time.monotonic() + _COVER_TIMEOUT
        while True:
            async for entry in self._store.since(last):
                last = entry.id
                for emission in entry.emissions:
                    known = covered.get(entry.origin)
                    if known is not None and emission.sequence <= known:
                        continue
                    if known is not None and entry.origin != NO_HUB and emission.sequence != known + 1:
                        raise _Incomplete(f"{entry.origin} has {emission.sequence} after {known}")
                    covered[entry.origin] = emission.sequence
                    if _is_for(emission, socket.namespace, rooms):
                        offset = offsets.write(entry.milliseconds, covered)
                        size += len(emission.packet) + sum(map(len, emission.attachments))
                        missed.append((Missed(_with_offset(emission.packet, offset), emission.attachments), offset))
                if size > self._longest_backlog:
                    raise _Incomplete(f"more than {self._longest_backlog} characters were missed")
            if all(covered.get(origin, 0) >= number for origin, number in target.items()):
                return missed
            if time.monotonic() > deadline:
                raise _Incomplete(f"of {target} the stream has {covered}")
            await asyncio.sleep(_COVER_DELAY)

    def _failed(self, error: BaseException) -> None:
        if self._reachable:
            logger.error("Redis is out of reach for connection state recovery, nobody recovers meanwhile: %r", error)
        self._reachable = False

    def _succeeded(self) -> None:
        if not self._reachable:
            logger.warning("Redis is back: connections can be recovered again.")
        self._reachable = True


async def record_without_hub(emission: Emission, options: Options) -> None:
    """Write an emission of a process without a hub to the stream, before it is published."""
    if options.max_disconnection_duration is None or emission.volatile:
        return
    store = RecoveryStore(redis_url(options.recovery_redis_url), options.recovery_stream_length)
    try:
        emission.sequence = await store.append(NO_HUB, [emission])
    except _UNREACHABLE as error:
        logger.error("Redis is out of reach: clients that are cut off now may miss an event for good: %r", error)
    finally:
        await store.close()


def _is_for(emission: Emission, namespace: str, rooms: Collection[str]) -> bool:
    if emission.namespace != namespace or any(room in rooms for room in emission.except_):
        return False
    return emission.rooms is None or any(room in rooms for room in emission.rooms)


def _with_offset(packet: str, offset: str) -> str:
    return f'{packet[:-1]},"{offset}"]'
