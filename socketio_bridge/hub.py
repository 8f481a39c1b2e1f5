"""The hub: one an event loop, so one a process that serves sockets.

It holds the process's sockets and rooms and speaks to the channel layer on their behalf. What is emitted here reaches
local sockets at once; for the other processes, all emissions of a loop turn, and all that come while the layer is busy,
leave in one envelope.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import msgspec
from channels.layers import get_channel_layer

from socketio_bridge.envelope import GROUP, MESSAGE_TYPE, Emission, seal, unseal
from socketio_bridge.rooms import Rooms

if TYPE_CHECKING:
    from socketio_bridge.socket import Socket

logger = logging.getLogger(__name__)

_LAYER_TIMEOUT = 10.0  # seconds that one exchange with the channel layer may take
_RETRY_DELAY = 1.0  # seconds between attempts to subscribe
_PENDING_LIMIT = 50_000  # emissions that may wait for a layer which does not answer

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


class Hub:
    """A process's sockets by namespace and room, and its line to the other processes.

    Made by `current_hub`. Without a channel layer in the settings it serves its own process alone.
    """

    def __init__(self) -> None:
        self.id = uuid4().hex
        self._layer: Any = get_channel_layer()
        self._namespaces: defaultdict[str, Rooms] = defaultdict(Rooms)
        self._pending: list[Emission] = []
        self._publisher: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    def rooms(self, namespace: str) -> Rooms:
        """The local sockets and rooms of a namespace."""
        return self._namespaces[namespace]

    async def start(self) -> None:
        """Listen to the other processes; returns once that works, or after a while when the layer is out of reach.

        Subscribing goes on in the background then, so that the process serves its own clients meanwhile.
        """
        if self._layer is None or self._subscribed.is_set():
            return
        if self._receiver is None:
            self._receiver = asyncio.create_task(self._receive())
        try:
            await asyncio.wait_for(self._subscribed.wait(), _LAYER_TIMEOUT)
        except TimeoutError:
            logger.error(
                "The channel layer does not answer: this process serves its own sockets only, and goes on trying."
            )

    async def stop(self) -> None:
        """Hand over what waits, then leave the channel layer."""
        await self.flush()
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.gather(self._receiver, return_exceptions=True)
            self._receiver = None
        self._subscribed.clear()

    def emit(self, emission: Emission) -> None:
        """Deliver to local sockets now, and to other processes with the next envelope."""
        self.deliver(emission)
        if self._layer is None:
            return
        self._pending.append(emission)
        if self._publisher is None:
            self._publisher = asyncio.create_task(self._publish())
        elif len(self._pending) > _PENDING_LIMIT:
            lost = self._pending[: _PENDING_LIMIT // 2]
            del self._pending[: _PENDING_LIMIT // 2]
            logger.error(
                "The channel layer does not keep up: %d emissions did not reach the other processes.", len(lost)
            )

    def deliver(self, emission: Emission) -> None:
        """Queue an emission's packet for the local sockets it is for."""
        namespace = self._namespaces.get(emission.namespace)
        if namespace is None:
            return
        for socket in namespace.select(emission.rooms, emission.except_):
            socket.send_frame(emission.frame, emission.attachments)

    async def flush(self) -> None:
        """Return when all that was emitted before has been handed to the channel layer (or given up)."""
        while self._publisher is not None:
            await asyncio.shield(self._publisher)

    def add(self, socket: Socket) -> None:
        """Take in a socket that connected."""
        self._namespaces[socket.namespace].add(socket)

    def remove(self, socket: Socket) -> None:
        """Let go of a socket that left."""
        self._namespaces[socket.namespace].remove(socket)

    async def _publish(self) -> None:
        try:
            while self._pending:
                emissions, self._pending = self._pending, []
                try:
                    async with asyncio.timeout(_LAYER_TIMEOUT):
                        await self._layer.group_send(GROUP, seal(self.id, emissions))
                except Exception:
                    logger.exception("%d emissions did not reach the other processes.", len(emissions))
        finally:
            self._publisher = None

    async def _receive(self) -> None:
        while True:
            try:
                channel = await self._layer.new_channel()
                await self._layer.group_add(GROUP, channel)
                self._subscribed.set()
                while True:
                    self._open(await self._layer.receive(channel))
            except Exception:
                logger.exception("Lost the channel layer; trying again in %g s.", _RETRY_DELAY)
                await asyncio.sleep(_RETRY_DELAY)

    def _open(self, message: dict[str, Any]) -> None:
        if message.get("type") != MESSAGE_TYPE or message.get("origin") == self.id:
            return
        try:
            emissions = unseal(message)
        except (KeyError, TypeError, msgspec.MsgspecError):
            logger.exception("Dropped an envelope that this version cannot read.")
            return
        for emission in emissions:
            self.deliver(emission)


def current_hub() -> Hub:
    """The hub of the running event loop, made on first use."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
    return hub


def find_hub() -> Hub | None:
    """The hub of the running event loop, if it has one: a process without sockets has none."""
    return _hubs.get(asyncio.get_running_loop())
