"""What connection state recovery keeps: the stream of what processes tell all others, and each session.

`socketio_bridge.recovery.redis_store` keeps it in Redis; for a server that is one process,
`socketio_bridge.recovery.memory_store` keeps it in memory.

When to write it, and what it means, is for `stream`, `recovery` and `restoration` to say.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol, Self

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from socketio_bridge.adapter.envelope import Message
from socketio_bridge.options import Options
from socketio_bridge.recovery.offsets import EntryId

RELEASED = ""
"""The node of a session that no node holds."""

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
"""The channel layer of a server that is one process."""

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


state_decoder = msgspec.msgpack.Decoder(State)
"""Decodes a session's entry."""


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
        not either, or where the package `redis` is not installed.
        """
        layers: dict[str, Any] = getattr(settings, "CHANNEL_LAYERS", None) or {}
        default: dict[str, Any] = layers.get("default", {})
        layer: dict[str, Any] = default.get("CONFIG", {})
        url = options.recovery_redis_url
        if url is None and default.get("BACKEND") not in (None, IN_MEMORY):
            url = _first_url(layer.get("hosts", ()))
        if url is not None and find_spec("redis") is None:
            raise ImproperlyConfigured(
                "SOCKETIO: max_disconnection_duration needs the package redis: pip install 'channels-socketio[redis]'."
            )
        return cls(url, layer.get("prefix", "socketio_bridge"), options.recovery_stream_length)


class RecoveryStore(Protocol):
    """What recovery keeps. The methods may raise what is `unreachable`; those who call them say how it went.

    Attributes:
        reachable: Whether it went well the last time.
        unreachable: The exceptions that mean that the store is not there, or holds what this version cannot read.
    """

    reachable: bool
    unreachable: tuple[type[Exception], ...]

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
