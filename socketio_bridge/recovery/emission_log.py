"""What one process emits, numbered and written to the stream in Redis from which clients that come back read.

It is written once a loop turn at most, and before the channel layer gets it: what any other process hears is kept. What
cannot be written waits until Redis is back.
"""

from __future__ import annotations

import asyncio
import secrets
import time

from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.options import Options
from socketio_bridge.recovery.offsets import ORIGIN_LENGTH
from socketio_bridge.recovery.store import UNREACHABLE, Place, RecoveryStore, RedisRecoveryStore

_LIMIT = 50_000  # emissions that may wait for Redis,
_SIZE = 64_000_000  # and bytes of them
_LARGEST = 5_000  # emissions that are written at a time
_RETRY = 0.25  # seconds between attempts


class EmissionLog:
    """The numbered emissions of the process that offsets call `origin`."""

    def __init__(self, origin: str, store: RecoveryStore) -> None:
        self.origin = origin
        self._store = store
        self._number = 0
        self._written = 0
        self._waiting: list[Emission] = []
        self._size = 0  # of those, and of what is being written
        self._lost_until = 0.0  # Unix time of the last emission that had to make room
        self._writer: asyncio.Task[None] | None = None
        self._attempted: asyncio.Future[None] | None = None  # for those who wait
        self._stopping = False

    def record(self, emission: Emission) -> None:
        """Number an emission and have it written."""
        self._number += 1
        emission.sequence = self._number
        self._waiting.append(emission)
        self._size += emission.size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        elif len(self._waiting) > _LIMIT or self._size > _SIZE:
            self._make_room()

    async def kept(self) -> None:
        """Return when all that was recorded before is in the stream; or at once, while Redis is out of reach."""
        number = self._number
        while self._written < number and self._store.reachable:
            if self._attempted is None:
                self._attempted = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._attempted)

    def _make_room(self) -> None:
        half = (len(self._waiting) + 1) // 2
        self._size -= sum(emission.size for emission in self._waiting[:half])
        del self._waiting[:half]
        self._lost_until = time.time()

    async def stop(self) -> None:
        """Write what waits, if Redis is there."""
        self._stopping = True
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        try:
            while self._waiting:
                emissions = self._waiting[:_LARGEST]
                del self._waiting[:_LARGEST]
                lost_until = self._lost_until
                try:
                    await self._store.append(self.origin, emissions, int(lost_until * 1000))
                except UNREACHABLE as error:
                    self._waiting[:0] = emissions
                    self._store.failed(error)
                    self._wake()
                    if self._stopping:
                        return
                    await asyncio.sleep(_RETRY)
                else:
                    if self._lost_until == lost_until:
                        self._lost_until = 0.0
                    self._size -= sum(emission.size for emission in emissions)
                    self._written = emissions[-1].sequence
                    self._store.succeeded()
                    self._wake()
        finally:
            self._writer = None

    def _wake(self) -> None:
        attempted, self._attempted = self._attempted, None
        if attempted is not None and not attempted.done():
            attempted.set_result(None)


class ExternalLogs:
    """The log of a process without sockets: a `socketio_bridge.adapter.external_emitter.FindLog`."""

    def __init__(self) -> None:
        self._log: EmissionLog | None = None
        self._place: Place | None = None  # of the log

    def __call__(self) -> EmissionLog | None:
        """The log, where recovery is on and other processes can read it."""
        options = Options.from_settings()
        if options.max_disconnection_duration is None:
            return None
        place = Place.of(options)
        if place.url is None:
            return None  # what a process keeps in its memory is out of reach from here
        if self._log is None or self._place != place:
            # In one stream the numbers of an origin go on without a gap: another stream gets another origin.
            self._log = EmissionLog(secrets.token_urlsafe(ORIGIN_LENGTH)[:ORIGIN_LENGTH], RedisRecoveryStore(place))
            self._place = place
        return self._log
