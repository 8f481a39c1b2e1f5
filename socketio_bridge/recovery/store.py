"""What connection state recovery keeps: the stream of what was emitted, and one entry for each session. In Redis; for a
server that is one process, `socketio_bridge.recovery.memory_store` keeps it in memory.

When to write it, and what it means, is for `emission_log`, `recovery` and `restoration` to say.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, Self, cast

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis import RedisError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.options import Options

logger = logging.getLogger(__name__)

UNREACHABLE = (RedisError, OSError, TimeoutError, msgspec.MsgspecError)
"""What the store's methods raise when Redis is not there, or holds what this version cannot read."""

RELEASED = ""
"""The node of a session that no node holds."""

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
"""The channel layer of a server that is one process."""

_PAGE = 500  # stream entries that are read at a time
_CHUNK = 200  # sessions that are written at a time
_TIMEOUT = 5.0  # seconds that Redis may take to answer

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

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Emission])


class State(msgspec.Struct, array_like=True):
    """What a socket needs to come back.

    `known` says, for offsets that the client may come back with ("": none), from where on it may have missed
    something. It can be far behind that offset: nothing was for this client meanwhile.
    """

    sid: str
    namespace: str
    rooms: list[str]
    saved: Any
    known: dict[str, str]


_state_decoder = msgspec.msgpack.Decoder(State)


class Save(NamedTuple):
    """A session's entry to be written: by whom it is held from now on, the encoded `State`, and for how long (ms)."""

    pid: str
    node_id: str
    state: bytes
    expiry: int


class Entry(NamedTuple):
    """One entry of the stream: its id, the time at which it was added (Unix, ms), and what it holds.

    `lost_until`: of what its origin emitted before, up to that time (Unix, ms), something is missing; 0: nothing is.
    """

    id: str
    milliseconds: int
    origin: str
    emissions: list[Emission]
    lost_until: int


class Place(NamedTuple):
    """Where all this is: which Redis, what the keys' names begin with, how long the stream may grow.

    `url` is None for this process's memory.
    """

    url: str | None
    prefix: str
    stream_length: int

    @classmethod
    def of(cls, options: Options) -> Self:
        """The place that the settings say: a Redis, or memory where there is no channel layer, or one in memory.

        Raises `ImproperlyConfigured` for a channel layer to other processes that names no Redis, where the options do
        not either.
        """
        layers: dict[str, Any] = getattr(settings, "CHANNEL_LAYERS", None) or {}
        default: dict[str, Any] = layers.get("default", {})
        layer: dict[str, Any] = default.get("CONFIG", {})
        url = options.recovery_redis_url
        if url is None and default.get("BACKEND") not in (None, IN_MEMORY):
            url = _first_url(layer.get("hosts", ()))
        return cls(url, layer.get("prefix", "socketio_bridge"), options.recovery_stream_length)


class RecoveryStore(Protocol):
    """What recovery keeps. The methods may raise what is `UNREACHABLE`; those who call them say how it went.

    `reachable`: whether it went well the last time.
    """

    reachable: bool

    async def close(self) -> None:
        """End the connections."""

    def failed(self, error: BaseException) -> None:
        """Note that the store did not do what it should."""

    def succeeded(self) -> None:
        """Note that it did."""

    async def append(self, origin: str, emissions: Sequence[Emission], lost_until: int = 0) -> None:
        """Add to the stream what a process emitted; `lost_until` as in `Entry`."""

    async def trim(self, before: int) -> None:
        """Drop from the stream what was added before a time (Unix, ms)."""

    async def latest(self, count: int) -> list[Entry]:
        """The newest entries, newest first."""

    def since(self, start: str) -> AsyncIterator[Entry]:
        """The entries with ids beyond `start`, which may be a time in ms alone."""

    async def cut_after(self, milliseconds: int) -> bool:
        """Whether the stream was so long that something added after a time was dropped from it."""

    async def save(self, node_id: str, saves: Iterable[Save]) -> None:
        """Write the sessions that a node holds; one that another has claimed is left alone."""

    async def holder(self, pid: str) -> str | None:
        """The id of the node that holds a session, `RELEASED`, or None for no session."""

    async def claim(self, pid: str, holder: str, node_id: str, expiry: int) -> State | None:
        """Take a session over from `holder`, for `expiry` ms; None when another was faster."""

    async def release(self, node_id: str, pid: str) -> None:
        """Give a session that a node has claimed back, as it was."""

    async def forget(self, node_id: str, pids: Iterable[str]) -> None:
        """Drop sessions that a node holds."""


class RedisRecoveryStore:
    """A `RecoveryStore` in Redis."""

    def __init__(self, place: Place) -> None:
        if place.url is None:
            raise ValueError(f"{place} is no Redis")
        self.reachable = True
        self._redis = Redis.from_url(
            place.url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1),  # for a connection that had ended; what waits longer is waited for here
        )
        self._length = place.stream_length
        self._prefix = f"{place.prefix}:recovery"
        self._stream = f"{self._prefix}:stream"

    async def close(self) -> None:
        """End the connections."""
        await self._redis.aclose()

    def failed(self, error: BaseException) -> None:
        """Note that Redis did not do what it should."""
        if self.reachable:
            logger.error("Redis is out of reach for connection state recovery, nobody recovers meanwhile: %r", error)
        self.reachable = False

    def succeeded(self) -> None:
        """Note that Redis did."""
        if not self.reachable:
            logger.warning("Redis is back: connections can be recovered again.")
        self.reachable = True

    async def append(self, origin: str, emissions: Sequence[Emission], lost_until: int = 0) -> None:
        """Add to the stream what a process emitted; `lost_until` as in `Entry`."""
        fields: dict[Any, Any] = {"o": origin, "e": _encoder.encode(emissions)}
        if lost_until:
            fields["l"] = lost_until
        await self._redis.xadd(self._stream, fields, maxlen=self._length, approximate=True)

    async def trim(self, before: int) -> None:
        """Drop from the stream what was added before a time (Unix, ms)."""
        await self._redis.xtrim(self._stream, minid=f"{max(before, 0)}-0", approximate=True)

    async def latest(self, count: int) -> list[Entry]:
        """The newest entries, newest first."""
        entries: list[Any] = await cast(Any, self._redis.xrevrange(self._stream, count=count))
        return [_entry(*raw) for raw in entries]

    async def since(self, start: str) -> AsyncIterator[Entry]:
        """The entries with ids beyond `start`, which may be a time in ms alone."""
        while True:
            page: list[Any] = await cast(Any, self._redis.xrange(self._stream, min=f"({start}", count=_PAGE))
            for raw in page:
                entry = _entry(*raw)
                start = entry.id
                yield entry
            if len(page) < _PAGE:
                return

    async def cut_after(self, milliseconds: int) -> bool:
        """Whether the stream was so long that something added after a time was dropped from it."""
        if await self._redis.xlen(self._stream) < self._length:
            return False
        first: list[Any] = await cast(Any, self._redis.xrange(self._stream, count=1))
        return bool(first) and _entry(*first[0]).milliseconds > milliseconds

    async def save(self, node_id: str, saves: Iterable[Save]) -> None:
        """Write the sessions that a node holds; one that another has claimed is left alone."""
        waiting = list(saves)
        for index in range(0, len(waiting), _CHUNK):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for each in waiting[index : index + _CHUNK]:
                    pipeline.eval(_SAVE, 1, self._key(each.pid), node_id, each.node_id, each.state, each.expiry)
                await pipeline.execute()

    async def holder(self, pid: str) -> str | None:
        """The id of the node that holds a session, `RELEASED`, or None for no session."""
        node_id = await cast(Any, self._redis.hget(self._key(pid), "hub"))
        return None if node_id is None else str(node_id.decode())

    async def claim(self, pid: str, holder: str, node_id: str, expiry: int) -> State | None:
        """Take a session over from `holder`; None when another was faster."""
        state = await cast(Any, self._redis.eval(_CLAIM, 1, self._key(pid), holder, node_id, str(expiry)))
        return None if state is None else _state_decoder.decode(state)

    async def release(self, node_id: str, pid: str) -> None:
        """Give a session that a node has claimed back, as it was."""
        await cast(Any, self._redis.eval(_RELEASE, 1, self._key(pid), node_id, RELEASED))

    async def forget(self, node_id: str, pids: Iterable[str]) -> None:
        """Drop sessions that a node holds."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for pid in pids:
                pipeline.eval(_FORGET, 1, self._key(pid), node_id)
            await pipeline.execute()

    def _key(self, pid: str) -> str:
        return f"{self._prefix}:session:{pid}"


def _first_url(hosts: Iterable[Any]) -> str:
    """The address of a channel layer's first Redis, in any of the forms that Channels takes."""
    for host in hosts:
        if isinstance(host, str):
            return host
        if isinstance(host, dict) and "address" in host:
            return str(host["address"])
        if isinstance(host, tuple | list):
            return f"redis://{host[0]}:{host[1]}"
    raise ImproperlyConfigured(
        "SOCKETIO: max_disconnection_duration needs a Redis, and CHANNEL_LAYERS['default'] names none in `hosts`: set "
        "recovery_redis_url, such as redis://127.0.0.1:6379/0."
    )


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    text = entry_id.decode()
    milliseconds = int(text.partition("-")[0])
    return Entry(text, milliseconds, fields[b"o"].decode(), _decoder.decode(fields[b"e"]), int(fields.get(b"l", 0)))
