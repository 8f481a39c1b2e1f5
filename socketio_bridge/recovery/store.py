"""What connection state recovery keeps: the stream of what processes tell all others, and each session. In Redis; for a
server that is one process, `socketio_bridge.recovery.memory_store` keeps it in memory.

When to write it, and what it means, is for `stream`, `recovery` and `restoration` to say.
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

from socketio_bridge.adapter.envelope import Message
from socketio_bridge.options import Options
from socketio_bridge.recovery.offsets import EntryId

logger = logging.getLogger(__name__)

UNREACHABLE = (RedisError, OSError, TimeoutError, msgspec.MsgspecError)
"""What the store's methods raise when Redis is not there, or holds what this version cannot read."""

RELEASED = ""
"""The node of a session that no node holds."""

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
"""The channel layer of a server that is one process."""

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

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Message])


class State(msgspec.Struct, array_like=True):
    """What a socket needs to come back.

    `known` says, for offsets that the client may come back with ("": none), from where on it may have missed
    something. It can be far behind that offset: nothing was for this client meanwhile. `user_id`: who had logged in.
    """

    sid: str
    namespace: str
    rooms: list[str]
    saved: Any
    known: dict[str, str]
    user_id: str | None = None


_state_decoder = msgspec.msgpack.Decoder(State)


class Save(NamedTuple):
    """A session's entry to be written: by whom it is held from now on, the encoded `State`, and for how long (ms)."""

    pid: str
    node_id: str
    state: bytes
    expiry: int


class Entry(NamedTuple):
    """One entry of the stream: messages of `origin` for all others, up to its message of that number.

    `gap`: others never get some messages that it published before, the first of them so many seconds before; 0: none.
    """

    id: EntryId
    origin: str
    number: int
    packed: bytes
    gap: float

    @property
    def messages(self) -> list[Message]:
        """The messages, which this decodes."""
        return _decoder.decode(self.packed)


def pack(messages: Sequence[Message]) -> bytes:
    """`Entry.packed`."""
    return _encoder.encode(messages)


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

    async def append(self, origin: str, number: int, messages: Sequence[Message], *, gap: float = 0.0) -> None:
        """Add an entry to the stream, up to a message's number; not twice, though an attempt seemed to fail."""

    async def read(self, after: EntryId) -> list[Entry]:
        """The entries after one, at least one in general: it waits a while for that."""

    def since(self, first: EntryId) -> AsyncIterator[Entry]:
        """The entries from one on that are there now."""

    async def oldest(self) -> EntryId | None:
        """The first entry that is there; None: there is none."""

    async def newest(self) -> EntryId:
        """The last entry that is there; (0, 0): there is none."""

    async def trim(self, before: int) -> None:
        """Drop from the stream what was added before a time (Unix, ms)."""

    async def connected(self, node_id: str) -> bool:
        """Whether a node has connections to the store. A process that was killed has none."""

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

    def __init__(self, place: Place, node_id: str) -> None:
        if place.url is None:
            raise ValueError(f"{place} is no Redis")
        self.reachable = True
        self.place = place
        self._redis = Redis.from_url(
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


def _text(entry_id: EntryId) -> str:
    return f"{entry_id[0]}-{entry_id[1]}"


def _entry_id(text: bytes) -> EntryId:
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number)


def _entry(entry_id: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(_entry_id(entry_id), fields[b"o"].decode(), int(fields[b"n"]), fields[b"m"], float(fields[b"g"]))
