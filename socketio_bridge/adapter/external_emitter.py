"""What a process without sockets sends to all nodes: management commands, queue consumers, views served elsewhere.

It leaves by one thread a process, whatever thread or event loop it comes from: the thread's loop keeps the connections
to Redis, and all leaves in one order, that of the stream which clients that come back read.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable
from typing import TypeAlias

from socketio_bridge.adapter.adapter import find_adapter
from socketio_bridge.adapter.channel_layer import LAYER_TIMEOUT, required_channel_layer
from socketio_bridge.adapter.envelope import GROUP, Emission, Message, seal
from socketio_bridge.adapter.hooks import ExternalLog

FindLog: TypeAlias = Callable[[], ExternalLog | None]
"""Gives the log for the settings as they are now, if there is to be one; called in the emitter's loop."""

_ID_BYTES = 8  # of randomness in the id of a process without an adapter
_new_find_log: Callable[[], FindLog] | None = None


def keep_in(new_find_log: Callable[[], FindLog]) -> None:
    """Have what this process emits kept in logs. `new_find_log` is called once, and again in a forked process."""
    global _new_find_log
    _new_find_log = new_find_log


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


class _ExternalEmitter:
    """The thread, its loop, and the log of what is emitted."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._id = secrets.token_urlsafe(_ID_BYTES)
        self._lock = asyncio.Lock()  # which is fair: messages leave in the order in which they came
        self._find_log = None if _new_find_log is None else _new_find_log()
        threading.Thread(target=self.loop.run_forever, name="socketio-external-emitter", daemon=True).start()

    async def send(self, message: Message) -> None:
        """Keep a message if that is wanted, then hand it to the layer."""
        log = None if self._find_log is None else self._find_log()
        if log is not None and isinstance(message, Emission) and not message.volatile:
            log.record(message)
        async with self._lock:
            if log is not None:
                await log.kept()
            async with asyncio.timeout(LAYER_TIMEOUT):
                await required_channel_layer().group_send(
                    GROUP, seal(log.origin if log is not None else self._id, [message])
                )


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
