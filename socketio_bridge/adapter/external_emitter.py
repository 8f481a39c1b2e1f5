"""What a process without sockets sends to all nodes: management commands, queue consumers, views served elsewhere.

It leaves by one thread a process, whatever thread or event loop it comes from: the thread's loop keeps the connections
to Redis, and all leaves in one order.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from typing import Any

from socketio_bridge.adapter.adapter import find_adapter
from socketio_bridge.adapter.channel_layer import LAYER_TIMEOUT, required_channel_layer
from socketio_bridge.adapter.cluster import notification
from socketio_bridge.adapter.envelope import GROUP, Emission, Message, pack, seal
from socketio_bridge.adapter.hooks import ExternalStream
from socketio_bridge.instrumentation import exchange

_ID_BYTES = 8  # of randomness in the id of a process without an adapter
_new_stream: Callable[[], ExternalStream] | None = None


def publish_by(new_stream: Callable[[], ExternalStream]) -> None:
    """Have what this process emits go by a stream. `new_stream` is called once, and again in a forked process."""
    global _new_stream
    _new_stream = new_stream


async def publish(emission: Emission, *, local: bool = False) -> None:
    """Emit from anywhere: by this loop's adapter; where it has none, by the channel layer, unless `local`."""
    adapter = find_adapter()
    if adapter is not None:
        adapter.emit(emission, local=local)
    elif not local:
        await send_without_adapter(emission)


async def send_without_adapter(message: Message) -> None:
    """Hand a message to the channel layer for all nodes, from a loop that has none.

    Returns when the layer has it. Raises `RuntimeError` without a channel layer in the settings, and what the layer
    raises when it is out of reach.
    """
    required_channel_layer()
    await asyncio.wrap_future(
        asyncio.run_coroutine_threadsafe(_external_emitter().send(message), _external_emitter().loop)
    )


async def notify_everywhere(kind: str, body: Any, *, here: bool = True) -> None:
    """Ask all nodes without wanting answers, in order with what this process emits; this node too, unless not `here`.

    Raises as `send_without_adapter` in a loop that has no adapter.
    """
    adapter = find_adapter()
    if adapter is None:
        await send_without_adapter(notification(kind, body))
        return
    adapter.cluster.notify_all(kind, body)
    if here:
        adapter.cluster.notify(adapter.id, kind, body)


class _ExternalEmitter:
    """The thread and its loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._id = secrets.token_urlsafe(_ID_BYTES)
        self._lock = asyncio.Lock()  # which is fair: messages leave in the order in which they came
        self._stream = None if _new_stream is None else _new_stream()
        threading.Thread(target=self.loop.run_forever, name="socketio-external-emitter", daemon=True).start()

    async def send(self, message: Message) -> None:
        """Hand a message to the stream if there is one, else to the layer."""
        async with self._lock, asyncio.timeout(LAYER_TIMEOUT):
            if self._stream is None or not await self._stream.publish(message):
                with exchange("channel_layer"):
                    await required_channel_layer().group_send(GROUP, seal(self._id, pack([message])))


_here: _ExternalEmitter | None = None
_making = threading.Lock()


def _external_emitter() -> _ExternalEmitter:
    global _here
    with _making:
        if _here is None:
            _here = _ExternalEmitter()
        return _here


def _after_fork() -> None:
    """A thread does not come along into a process that is forked off."""
    global _here, _making
    _here, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
