"""What connection state recovery keeps in memory, for a server that is one process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

import msgspec

from socketio_bridge.adapter.envelope import Message
from socketio_bridge.recovery.offsets import EntryId
from socketio_bridge.recovery.store import RELEASED, Entry, Save, State, pack, state_decoder

logger = logging.getLogger(__name__)


class _Session(NamedTuple):
    """A session's entry; `until`: when it expires, on the monotonic clock."""

    node_id: str
    state: bytes
    until: float


class MemoryRecoveryStore:
    """A `RecoveryStore` that ends with its process, and is never out of reach."""

    unreachable: tuple[type[Exception], ...] = (msgspec.MsgspecError,)

    def __init__(self, stream_length: int) -> None:
        self.reachable = True
        self._stream: deque[Entry] = deque()
        self._length = stream_length
        self._last: EntryId = (0, 0)
        self._added = asyncio.Event()
        self._sessions: dict[str, _Session] = {}  # the longest unchanged first

    async def close(self) -> None:
        """Forget everything."""
        self._stream.clear()
        self._sessions.clear()

    def failed(self, error: BaseException) -> None:
        """Note a session that cannot be read."""
        logger.error("A client's connection cannot be recovered: %r", error)

    def succeeded(self) -> None:
        """Nothing to note: memory is always there."""

    async def append(self, origin: str, number: int, messages: Sequence[Message], *, gap: float = 0.0) -> None:
        """`RecoveryStore.append`."""
        now = int(time.time() * 1000)
        self._last = (now, 0) if now > self._last[0] else (self._last[0], self._last[1] + 1)
        self._stream.append(Entry(self._last, origin, number, pack(messages), gap))
        if len(self._stream) > self._length:
            self._stream.popleft()
        self._added.set()

    async def read(self, after: EntryId) -> list[Entry]:
        """`RecoveryStore.read`."""
        while self._last <= after:
            self._added.clear()
            await self._added.wait()
        return self._after(after)

    async def since(self, first: EntryId) -> AsyncIterator[Entry]:
        """`RecoveryStore.since`."""
        for entry in self._after((first[0], first[1] - 1)):
            yield entry

    async def oldest(self) -> EntryId | None:
        """`RecoveryStore.oldest`."""
        return self._stream[0].id if self._stream else None

    async def newest(self) -> EntryId:
        """`RecoveryStore.newest`."""
        return self._last

    async def connected(self, node_id: str) -> bool:
        """`RecoveryStore.connected`."""
        return True

    async def trim(self, before: int) -> None:
        """`RecoveryStore.trim`; sessions whose time has passed go as well."""
        while self._stream and self._stream[0].id[0] < before:
            self._stream.popleft()
        now = time.monotonic()
        self._sessions = {pid: session for pid, session in self._sessions.items() if session.until > now}

    async def save(self, node_id: str, saves: Iterable[Save]) -> None:
        """`RecoveryStore.save`."""
        now = time.monotonic()
        for each in saves:
            if await self.holder(each.pid) in (None, node_id):
                self._sessions[each.pid] = _Session(each.node_id, each.state, now + each.expiry / 1000)

    async def holder(self, pid: str) -> str | None:
        """`RecoveryStore.holder`."""
        session = self._sessions.get(pid)
        return session.node_id if session is not None and session.until > time.monotonic() else None

    async def claim(self, pid: str, holder: str, node_id: str, expiry: int) -> State | None:
        """`RecoveryStore.claim`."""
        if await self.holder(pid) != holder:
            return None
        state = self._sessions[pid].state
        self._sessions[pid] = _Session(node_id, state, time.monotonic() + expiry / 1000)
        return state_decoder.decode(state)

    async def release(self, node_id: str, pid: str) -> None:
        """`RecoveryStore.release`."""
        if await self.holder(pid) == node_id:
            self._sessions[pid] = self._sessions[pid]._replace(node_id=RELEASED)

    async def forget(self, node_id: str, pids: Iterable[str]) -> None:
        """`RecoveryStore.forget`."""
        for pid in pids:
            if await self.holder(pid) == node_id:
                del self._sessions[pid]

    def _after(self, entry_id: EntryId) -> list[Entry]:
        newer: list[Entry] = []
        for entry in reversed(self._stream):
            if entry.id <= entry_id:
                break
            newer.append(entry)
        return newer[::-1]
