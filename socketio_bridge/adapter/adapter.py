"""The adapter: one an event loop, so one a process that serves sockets. To the other processes it is a node.

It holds the process's sockets and rooms and speaks to the channel layer on their behalf. What is emitted here reaches
local sockets at once; for the other processes, all emissions of a loop turn, and all that come while the layer is busy,
leave in one envelope. Who the other nodes are, and what they ask of each other, is `socketio_bridge.adapter.cluster`'s.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from channels.layers import get_channel_layer

from socketio_bridge.adapter.broadcast_options import BroadcastOptions
from socketio_bridge.adapter.channel_layer import LAYER_TIMEOUT, hear_outages_once, required_channel_layer
from socketio_bridge.adapter.cluster import Cluster
from socketio_bridge.adapter.envelope import GROUP, MESSAGE_TYPE, Emission, Heartbeat, Message, node_group, seal, unseal
from socketio_bridge.adapter.hooks import AdapterHooks
from socketio_bridge.adapter.rooms import LocalSocket, Rooms
from socketio_bridge.exceptions import ClusterError

logger = logging.getLogger(__name__)

_ID_BYTES = 12  # of randomness in a node's id
RETRY_DELAY = 1.0
"""Seconds between attempts to listen to a channel layer that is out of reach."""
PENDING_LIMIT = 50_000
"""Messages that may wait for a channel layer which does not keep up."""
PENDING_SIZE = 64_000_000
"""Bytes that may wait for it."""

_adapters: WeakKeyDictionary[asyncio.AbstractEventLoop, Adapter] = WeakKeyDictionary()


class Adapter:
    """A process's sockets by namespace and room, and its line to the other processes.

    Made by `current_adapter`. Without a channel layer in the settings it serves its own process alone. An
    `observer` has no sockets.
    """

    def __init__(self, *, observer: bool = False) -> None:
        self.id = secrets.token_urlsafe(_ID_BYTES)
        self.hooks: AdapterHooks | None = None
        self._layer: Any = get_channel_layer()
        self._namespaces: dict[str, Rooms] = {}  # those with sockets
        self._pending: list[Message] = []
        self._direct: dict[str, list[Message]] = {}  # messages for one node each
        self._pending_size = 0  # of all these, and of those that the layer is being handed
        self._publisher: asyncio.Task[None] | None = None
        self._queued = 0  # messages for other processes so far,
        self._settled = 0  # and how many of them were handed to the layer or given up
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []  # for that many to be settled
        self._lost = 0  # messages given up since the layer went away
        self._receiver: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)  # of the envelopes to all others
        self._heard_numbers: dict[str, int] = {}  # the latest of each other node
        self.on_gap: Callable[[], None] | None = None  # called when this node has missed what another one sent
        self._deaf = False  # the layer is out of reach for listening
        self._tried = asyncio.Event()  # to listen to the layer
        self.cluster = Cluster(self.id, self.send, alone=self._layer is None, observer=observer)

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
            await asyncio.wait_for(self._tried.wait(), LAYER_TIMEOUT)
        except TimeoutError:
            logger.error("The channel layer does not answer: this process serves its own sockets only for now.")
        self.cluster.join()
        await self.flush()

    async def stop(self) -> None:
        """Hand over what waits, then leave the channel layer."""
        self.cluster.leave()
        await self.flush()
        if self.hooks is not None:
            await self.hooks.stop()
            self.hooks = None
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.wait([self._receiver], timeout=LAYER_TIMEOUT)  # a cancellation may get lost
            self._receiver = None
        self._tried.clear()

    def emit(self, emission: Emission, *, local: bool = False) -> None:
        """Deliver to local sockets now, and, unless `local`, to other processes with the next envelope."""
        if not local and (self._layer is not None or self.hooks is not None):
            self.send(emission)
        self.deliver(emission)

    @property
    def listens(self) -> bool:
        """Whether it hears the other processes: not while the channel layer is out of reach."""
        return self._tried.is_set() and not self._deaf

    def send(self, message: Message, node_id: str | None = None) -> None:
        """Put a message into the next envelope, to all other nodes or to the one of that id.

        A node gets what was sent to it in order, and likewise what was sent to all. An extension that carries the
        latter leaves heartbeats to the channel layer, which each node hears.
        """
        if node_id is None and self.hooks is not None and not isinstance(message, Heartbeat):
            self.hooks.publish(message)
            return
        pending = self._pending if node_id is None else self._direct.setdefault(node_id, [])
        pending.append(message)
        self._pending_size += message.size
        self._queued += 1
        if self._publisher is None:
            self._publisher = asyncio.create_task(self._publish())
        elif (len(pending) > PENDING_LIMIT or self._pending_size > PENDING_SIZE) and len(pending) > 1:
            dropped = pending[:-1]
            del pending[:-1]
            if node_id is None:
                next(self._numbers)  # the others are to notice
            self._give_up(dropped, "it does not keep up")

    def take(self, origin: str, message: Message) -> None:
        """Do what a message of the node `origin` says."""
        if isinstance(message, Emission):
            self.deliver(message)
        else:
            self.cluster.receive(origin, message)

    def deliver(self, emission: Emission) -> None:
        """Queue an emission's packet for the local sockets it is for."""
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

    async def flush(self) -> None:
        """Return when all that was emitted before has been handed to the channel layer, or given up."""
        if self._settled < self._queued:
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((self._queued, settled))
            await settled
        if self.hooks is not None:
            await self.hooks.flush()

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

    async def _publish(self) -> None:
        try:
            while self._pending or self._direct:
                if self._pending:
                    messages, self._pending = self._pending, []
                    await self._hand_over(GROUP, messages)
                direct, self._direct = self._direct, {}
                for node_id, messages in direct.items():
                    await self._hand_over(node_group(node_id), messages)
        finally:
            self._publisher = None

    async def _hand_over(self, group: str, messages: list[Message]) -> None:
        number = next(self._numbers) if group == GROUP else None
        try:
            async with asyncio.timeout(LAYER_TIMEOUT):
                await self._layer.group_send(group, seal(self.id, messages, number))
        except Exception as error:
            self._give_up(messages, repr(error))
        else:
            self._handed_over(messages)

    def _handed_over(self, messages: list[Message]) -> None:
        if self._lost:
            logger.warning("The channel layer is back; %d messages did not reach the other processes.", self._lost)
            self._lost = 0
        self._settle(messages)

    def _give_up(self, messages: list[Message], reason: str) -> None:
        if not self._lost and not self._deaf:
            logger.error("The channel layer is out of reach, only local sockets get what is emitted: %s", reason)
        self._lost += len(messages)
        self._settle(messages)

    def _settle(self, messages: list[Message]) -> None:
        self._settled += len(messages)
        self._pending_size -= sum(message.size for message in messages)
        while self._waiting and self._waiting[0][0] <= self._settled:
            _, settled = self._waiting.pop(0)
            if not settled.done():
                settled.set_result(None)

    async def _receive(self) -> None:
        groups = GROUP, node_group(self.id)
        channel = ""
        while True:
            try:
                # The same one in each attempt: what a layer takes for one that was left gathers there for ever.
                channel = channel or await self._layer.new_channel()
                for group in groups:
                    await self._layer.group_add(group, channel)
                if self._deaf:
                    logger.warning("The channel layer is back: this process hears the others again.")
                self._deaf = False
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
                if not self._deaf and not self._lost:
                    logger.error("The channel layer is out of reach, trying again each %g s: %r", RETRY_DELAY, error)
                self._deaf = True
                self._tried.set()
                await asyncio.sleep(RETRY_DELAY)

    def _open(self, message: dict[str, Any]) -> None:
        origin = message.get("origin")
        if message.get("type") != MESSAGE_TYPE or not isinstance(origin, str) or origin == self.id:
            return
        try:
            messages = unseal(message)
        except (KeyError, TypeError, msgspec.MsgspecError):
            logger.exception("Dropped an envelope that this version cannot read.")
            return
        self._count(origin, message.get("number"))
        for each in messages:
            self.take(origin, each)

    def _count(self, origin: str, number: int | None) -> None:
        """Notice what another node sent to all and this one has not heard."""
        if number is None:  # for this node alone, from a process without sockets, or of an earlier version
            return
        before = self._heard_numbers.get(origin)
        self._heard_numbers[origin] = number
        if before is None:
            nodes = self.cluster.nodes
            for node in [known for known in self._heard_numbers if known not in nodes and known != origin]:
                del self._heard_numbers[node]
        elif number != before + 1 and self.on_gap is not None:
            self.on_gap()


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
