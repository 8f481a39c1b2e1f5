"""What connection state recovery keeps in Redis. It alone needs the package `redis`, and is imported only then."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, cast

import msgspec
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from socketio_bridge.adapter.envelope import Message
from socketio_bridge.instrumentation import exchange
from socketio_bridge.outages import OUTAGE
from socketio_bridge.recovery.offsets import EntryId
from socketio_bridge.recovery.store import RELEASED, Entry, Place, Save, State, pack, state_decoder

_PART = "Redis, for connection state recovery,"
_PAGE = 500  # stream entries that are read at a time for a client that comes back,
_NEW = 20  # and to be delivered, in one turn of the loop
_CHUNK = 200  # sessions that are written at a time
_TIMEOUT = 5.0  # seconds that Redis may take to answer
_BLOCK = 2.0  # seconds that a read waits for something new, within that
_REMEMBERED = 3600  # seconds for which Redis knows what a silent process has written

# An attempt that seemed to fail may have been carried out, or still be: what a process tells is added once.
_APPEND = """
if tonumber(redis.call('get', KEYS[2]) or 0) >= tonumber(ARGV[1]) then return end
redis.call('set', KEYS[2], ARGV[1], 'ex', ARGV[2])
redis.call('xadd', KEYS[1], 'maxlen', '~', ARGV[3], '*', 'o', ARGV[4], 'n', ARGV[1], 'm', ARGV[5], 'g', ARGV[6])
"""

# A session's entry may be changed by the node that holds it alone: another one may have claimed it meanwhile.
_SAVE = """
local hub = redis.call('hget', KEYS[1], 'hub')
if hub and hub ~= ARGV[1] then return 0 end
redis.call('hset', KEYS[1], 'hub', ARGV[2], 'state', ARGV[3])
redis.call('pexpire', KEYS[1], ARGV[4])
return 1
"""
_CLAIM = """
if redis.call('hget', KEYS[1], 'hub') ~= ARGV[1] then return false end
redis.call('hset', KEYS[1], 'hub', ARGV[2])
redis.call('pexpire', KEYS[1], ARGV[3])
return redis.call('hget', KEYS[1], 'state')
"""
_RELEASE = "if redis.call('hget', KEYS[1], 'hub') == ARGV[1] then redis.call('hset', KEYS[1], 'hub', ARGV[2]) end"
_FORGET = "if redis.call('hget', KEYS[1], 'hub') == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class _TimedRedis(Redis):
    """Tells the instrumentation how long commands take, but those that wait for news. Pipelines are none of them."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As of `Redis`."""
        if args[0] == "XREAD":
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        with exchange("recovery"):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


class RedisRecoveryStore:
    """A `RecoveryStore` in Redis."""

    unreachable: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError, msgspec.MsgspecError)

    def __init__(self, place: Place, node_id: str) -> None:
        if place.url is None:
            raise ValueError(f"{place} is no Redis")
        self.reachable = True
        self.place = place
        self._redis = _TimedRedis.from_url(
            place.url,
            client_name=node_id,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1),  # for a connection that had ended; what waits longer is waited for here
        )
        self._prefix = f"{place.prefix}:recovery"
        self._stream = f"{self._prefix}:envelopes"
        self._append = self._redis.register_script(_APPEND)

    async def close(self) -> None:
        """End the connections."""
        OUTAGE.answered(_PART)
        await self._redis.aclose()

    def failed(self, error: BaseException) -> None:
        """Note that Redis did not do what it should."""
        OUTAGE.failed(_PART, error)
        self.reachable = False

    def succeeded(self) -> None:
        """Note that Redis did."""
        OUTAGE.answered(_PART)
        self.reachable = True

    async def append(self, origin: str, number: int, messages: Sequence[Message], *, gap: float = 0.0) -> None:
        """`RecoveryStore.append`."""
        keys = self._stream, f"{self._prefix}:written:{origin}"
        await self._append(keys, (number, _REMEMBERED, self.place.stream_length, origin, pack(messages), gap))

    async def read(self, after: EntryId) -> list[Entry]:
        """`RecoveryStore.read`."""
        answer: Any = await self._redis.xread({self._stream: _text(after)}, count=_NEW, block=int(_BLOCK * 1000))
        return [_entry(*raw) for _, entries in answer for raw in entries]

    async def since(self, first: EntryId) -> AsyncIterator[Entry]:
        """`RecoveryStore.since`."""
        start = _text(first)
        while True:
            page: list[Any] = await cast(Any, self._redis.xrange(self._stream, min=start, count=_PAGE))
            for raw in page:
                entry = _entry(*raw)
                yield entry
                start = f"({_text(entry.id)}"
            if len(page) < _PAGE:
                return

    async def oldest(self) -> EntryId | None:
        """`RecoveryStore.oldest`."""
        found: list[Any] = await cast(Any, self._redis.xrange(self._stream, count=1))
        return _entry_id(found[0][0]) if found else None

    async def newest(self) -> EntryId:
        """`RecoveryStore.newest`."""
        found: list[Any] = await cast(Any, self._redis.xrevrange(self._stream, count=1))
        return _entry_id(found[0][0]) if found else (0, 0)

    async def trim(self, before: int) -> None:
        """`RecoveryStore.trim`."""
        await self._redis.xtrim(self._stream, minid=f"{max(before, 0)}-0", approximate=True)

    async def connected(self, node_id: str) -> bool:
        """`RecoveryStore.connected`."""
        return any(client["name"] == node_id for client in await self._redis.client_list())

    async def save(self, node_id: str, saves: Iterable[Save]) -> None:
        """Write the sessions that a node holds; one that another has claimed is left alone."""
        waiting = list(saves)
        for index in range(0, len(waiting), _CHUNK):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for each in waiting[index : index + _CHUNK]:
                    pipeline.eval(_SAVE, 1, self._key(each.pid), node_id, each.node_id, each.state, each.expiry)
                with exchange("recovery"):
                    await pipeline.execute()

    async def holder(self, pid: str) -> str | None:
        """The id of the node that holds a session, `RELEASED`, or None for no session."""
        node_id = await cast(Any, self._redis.hget(self._key(pid), "hub"))
        return None if node_id is None else str(node_id.decode())

    async def claim(self, pid: str, holder: str, node_id: str, expiry: int) -> State | None:
        """Take a session over from `holder`; None when another was faster."""
        state = await cast(Any, self._redis.eval(_CLAIM, 1, self._key(pid), holder, node_id, str(expiry)))
        return None if state is None else state_decoder.decode(state)

    async def release(self, node_id: str, pid: str) -> None:
        """Give a session that a node has claimed back, as it was."""
        await cast(Any, self._redis.eval(_RELEASE, 1, self._key(pid), node_id, RELEASED))

    async def forget(self, node_id: str, pids: Iterable[str]) -> None:
        """Drop sessions that a node holds."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for pid in pids:
                pipeline.eval(_FORGET, 1, self._key(pid), node_id)
            with exchange("recovery"):
                await pipeline.execute()

    def _key(self, pid: str) -> str:
        return f"{self._prefix}:session:{pid}"


def _text(entry_id: EntryId) -> str:
    return f"{entry_id[0]}-{entry_id[1]}"


def _entry_id(text: bytes) -> EntryId:
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number)


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(_entry_id(entry_id), fields[b"o"].decode(), int(fields[b"n"]), fields[b"m"], float(fields[b"g"]))
