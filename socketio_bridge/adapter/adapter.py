"""The adapter: one an event loop, so one a process that serves sockets. To the other processes it is a node.

It holds the process's sockets and rooms and speaks to the channel layer on their behalf. What is emitted here reaches
local sockets at once, and the other processes by `socketio_bridge.adapter.publisher`; what they send comes in by
`socketio_bridge.adapter.reordering`. Who the other nodes are, and what they ask of each other, is
`socketio_bridge.adapter.cluster`'s.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from channels.layers import get_channel_layer

from socketio_bridge.adapter.broadcast_options import BroadcastOptions
from socketio_bridge.adapter.channel_layer import LAYER_TIMEOUT, hear_outages_once, required_channel_layer
from socketio_bridge.adapter.cluster import Cluster
from socketio_bridge.adapter.envelope import GROUP, Emission, Heartbeat, Message, node_group, unpack, unseal
from socketio_bridge.adapter.hooks import AdapterHooks
from socketio_bridge.adapter.publisher import Publisher
from socketio_bridge.adapter.reordering import Reordering
from socketio_bridge.adapter.rooms import LocalSocket, Rooms
from socketio_bridge.exceptions import ClusterError
from socketio_bridge.outages import OUTAGE

logger = logging.getLogger(__name__)

_ID_BYTES = 12  # of randomness in a node's id
RETRY_DELAY = 1.0
"""Seconds between attempts to listen to a channel layer that is out of reach."""
GAP_DELAY = 1.0
"""Seconds after a gap before it is reported, as it seldom comes alone."""

_RESEND = "resend_envelopes"  # the first and the last number
_RESENT = "resent_envelope"  # what `Publisher.kept` yields
_PART = "The channel layer, to listen,"

_adapters: WeakKeyDictionary[asyncio.AbstractEventLoop, Adapter] = WeakKeyDictionary()


class Adapter:
    """A process's sockets by namespace and room, and its line to the other processes.

    Made by `current_adapter`. Without a channel layer in the settings it serves its own process alone. An
    `observer` has no sockets.

    Attributes:
        id: The node's id.
        hooks: What carries messages in place of the channel layer, and delivers.
        on_gap: Called when something that other processes sent after an instant of `time.monotonic()` is lost.
        cluster: The other nodes.
    """

    def __init__(self, *, observer: bool = False) -> None:
        self.id = secrets.token_urlsafe(_ID_BYTES)
        self.hooks: AdapterHooks | None = None
        self._layer: Any = get_channel_layer()
        self._namespaces: dict[str, Rooms] = {}  # those with sockets
        self._receiver: asyncio.Task[None] | None = None
        self._publisher = Publisher(self.id, self._layer)
        self._reordering = Reordering(self._unpack, self._ask_again, self._missed)
        self.on_gap: Callable[[float], None] | None = None
        self._gap: asyncio.TimerHandle | None = None
        self._gap_since = 0.0
        self._deaf_since: float | None = None  # the layer is out of reach for listening
        self._tried = asyncio.Event()  # to listen to the layer
        self.cluster = Cluster(self.id, self.send, alone=self._layer is None, observer=observer)
        self.cluster.on_heartbeat = self._check
        self.cluster.on_request(_RESEND, self._resend, takes=tuple[int, int])
        self.cluster.on_request(_RESENT, self._resent, takes=tuple[int, int, float, bytes | None])

    def rooms(self, namespace: str) -> Rooms:
        """The local sockets and rooms of a namespace."""
        rooms = self._namespaces.get(namespace)
        return Rooms() if rooms is None else rooms

    async def start(self) -> None:
        """Listen to the other processes; returns when that works, or has been tried.

        Where the layer is out of reach this process serves its own clients meanwhile, and goes on trying.
        """
        if self._layer is None:
            return
        hear_outages_once()
        if self._receiver is None:
            self._receiver = asyncio.create_task(self._receive())
        try:
            async with asyncio.timeout(LAYER_TIMEOUT):
                await self._tried.wait()
        except TimeoutError:
            OUTAGE.failed(_PART, TimeoutError(f"no answer in {LAYER_TIMEOUT:g} s"))
        self.cluster.join()
        await self.flush()

    async def stop(self) -> None:
        """Hand over what waits, then leave the channel layer."""
        self.cluster.leave()
        await self._publisher.stop()
        if self._gap is not None:
            self._gap.cancel()
            self._gap = None
        if self.hooks is not None:
            await self.hooks.stop()
            self.hooks = None
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.wait([self._receiver], timeout=LAYER_TIMEOUT)  # a cancellation may get lost
            self._receiver = None
        OUTAGE.answered(_PART)
        self._tried.clear()

    def emit(self, emission: Emission, *, local: bool = False) -> None:
        """Deliver to local sockets now, and, unless `local`, to other processes with the next envelope."""
        if not local and (self._layer is not None or self.hooks is not None):
            self.send(emission)
        self.deliver(emission)

    @property
    def listens(self) -> bool:
        """Whether it hears the other processes: not while the channel layer is out of reach."""
        return self._tried.is_set() and self._deaf_since is None

    def send(self, message: Message, node_id: str | None = None) -> None:
        """Put a message into the next envelope, to all other nodes or to the one of that id.

        A node gets what was sent to it in order, and likewise what was sent to all. An extension that carries the
        latter leaves heartbeats to the channel layer, which each node hears.
        """
        if node_id is None and self.hooks is not None and not isinstance(message, Heartbeat):
            self.hooks.publish(message)
            return
        self._publisher.put(message, node_id)

    def take(self, origin: str, message: Message) -> None:
        """Do what a message of the node `origin` says."""
        if isinstance(message, Emission):
            self.deliver(message)
        else:
            self.cluster.receive(origin, message)

    def deliver(self, emission: Emission) -> None:
        """Queue an emission's packet for the local sockets it is for."""
        if emission.pattern is not None:
            for path in list(self._namespaces):
                if (addressed := emission.within(path)) is not None:
                    self.deliver(addressed)
            return
        namespace = self._namespaces.get(emission.namespace)
        if namespace is None:
            return
        sockets = namespace.select(emission.rooms, emission.except_)
        if emission.volatile:
            sockets = [socket for socket in sockets if socket.ready]
        if self.hooks is not None:
            self.hooks.deliver(emission, sockets)
            return
        for socket in sockets:
            socket.send_packet(emission.packet, emission.attachments)

    def select(self, options: BroadcastOptions) -> list[LocalSocket]:
        """The local sockets of a broadcast."""
        namespace = self._namespaces.get(options.namespace)
        return [] if namespace is None else list(namespace.select(options.rooms, options.except_))

    async def flush(self) -> bool:
        """Return when all that was emitted before has been handed over: True; or cannot be for now: False.

        What cannot be waits, within bounds, as long as this process lives.
        """
        flushed = await self._publisher.flush()
        return (self.hooks is None or await self.hooks.flush()) and flushed

    def report_gap(self, since: float) -> None:
        """Note that something is lost that other processes sent after an instant of `time.monotonic()`."""
        self._gap_since = min(self._gap_since, since) if self._gap is not None else since
        if self._gap is None:
            self._gap = asyncio.get_running_loop().call_later(GAP_DELAY, self._tell_gap)

    def all_sockets(self) -> list[LocalSocket]:
        """The local sockets of all namespaces, those too whose connect handlers run."""
        return [socket for rooms in self._namespaces.values() for socket in rooms.select(None)]

    def add(self, socket: LocalSocket) -> None:
        """Take in a socket that connected."""
        self._namespaces.setdefault(socket.namespace, Rooms()).add(socket)

    def remove(self, socket: LocalSocket) -> None:
        """Let go of a socket that left."""
        rooms = self._namespaces.get(socket.namespace)
        if rooms is not None:
            rooms.remove(socket)
            if not rooms:
                del self._namespaces[socket.namespace]

    async def _receive(self) -> None:
        groups = GROUP, node_group(self.id)
        channel = ""
        while True:
            try:
                # The same one in each attempt: what a layer takes for one that was left gathers there for ever.
                channel = channel or await self._layer.new_channel()
                for group in groups:
                    await self._layer.group_add(group, channel)
                if self._deaf_since is not None:
                    self.report_gap(self._deaf_since)
                self._deaf_since = None
                OUTAGE.answered(_PART)
                self._tried.set()
                while True:
                    self._open(await self._layer.receive(channel))
            except asyncio.CancelledError:
                with suppress(Exception):
                    async with asyncio.timeout(LAYER_TIMEOUT):
                        for group in groups:
                            await self._layer.group_discard(group, channel)
                raise
            except Exception as error:
                OUTAGE.failed(_PART, error)
                if self._deaf_since is None:
                    self._deaf_since = time.monotonic()
                self._tried.set()
                await asyncio.sleep(RETRY_DELAY)

    def _open(self, message: dict[str, Any]) -> None:
        sealed = unseal(message)
        if sealed is None:
            return
        origin, number = sealed.origin, sealed.number
        if origin == self.id:
            if number is not None:
                self._reordering.returned(number)
        elif number is not None:
            self._reordering.receive(origin, number, sealed.at, sealed.messages)
        else:  # for this node alone, or from a process without sockets
            if sealed.after is not None:
                self._reordering.begin(origin, sealed.after, sealed.at)
            self._unpack(origin, sealed.messages)

    def _unpack(self, origin: str, packed: bytes) -> None:
        try:
            messages = unpack(packed)
        except msgspec.MsgspecError:
            logger.exception("Dropped an envelope that this version cannot read.")
            return
        for each in messages:
            self.take(origin, each)
            if isinstance(each, Heartbeat) and each.leaving:
                self._reordering.forget(origin)

    def _ask_again(self, origin: str, first: int, last: int) -> None:
        self.cluster.notify(origin, _RESEND, (first, last))

    def _resend(self, asker: str, numbers: tuple[int, int]) -> None:
        for envelope in self._publisher.kept(*numbers):
            self.cluster.notify(asker, _RESENT, envelope)

    def _resent(self, origin: str, envelope: tuple[int, int, float, bytes | None]) -> None:
        first, last, at, messages = envelope
        if messages is None:
            self._reordering.lost(origin, first, last)
        else:
            self._reordering.receive(origin, first, at, messages)

    def _check(self) -> None:
        since = self._reordering.check(self._publisher.failed_at)
        if since is not None:
            self.report_gap(since)

    def _missed(self, since: float) -> None:
        if self.hooks is None:  # else these are heartbeats only
            self.report_gap(since)

    def _tell_gap(self) -> None:
        self._gap = None
        logger.warning(
            "Something that other processes sent in the last %.1f s is lost: their way here was interrupted.",
            time.monotonic() - self._gap_since,
        )
        if self.on_gap is not None:
            self.on_gap(self._gap_since)


def current_adapter() -> Adapter:
    """The adapter of the running event loop, made on first use."""
    loop = asyncio.get_running_loop()
    adapter = _adapters.get(loop)
    if adapter is None:
        adapter = _adapters[loop] = Adapter()
    return adapter


def find_adapter() -> Adapter | None:
    """The adapter of the running event loop, if it has one: a process without sockets has none."""
    return _adapters.get(asyncio.get_running_loop())


@asynccontextmanager
async def any_adapter() -> AsyncIterator[Adapter]:
    """The adapter of the running event loop; where it has none, an observer that lives only meanwhile.

    An observer takes half a second to learn of the other nodes. Raises `RuntimeError` without a channel layer in the
    settings, `ClusterError` when the layer is out of reach.
    """
    adapter = find_adapter()
    if adapter is not None:
        yield adapter
        return
    required_channel_layer()
    adapter = Adapter(observer=True)
    await adapter.start()
    try:
        if not adapter.listens:
            raise ClusterError("the channel layer is out of reach, and with it all processes that serve sockets")
        yield adapter
    finally:
        await adapter.stop()
