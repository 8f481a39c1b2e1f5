"""What a process without sockets sends to all hubs: management commands, queue consumers, views served elsewhere.

It leaves by one thread a process, whatever thread or event loop it comes from: the thread's loop keeps the connections
to Redis, and all leaves in one order, that of the stream which clients that come back read.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading

from socketio_bridge.adapter.channel_layer import LAYER_TIMEOUT, required_channel_layer
from socketio_bridge.adapter.envelope import GROUP, Emission, Message, seal
from socketio_bridge.options import Options
from socketio_bridge.recovery.emission_log import EmissionLog
from socketio_bridge.recovery.offsets import ORIGIN_LENGTH
from socketio_bridge.recovery.store import Place, RedisRecoveryStore


async def send_without_hub(message: Message) -> None:
    """Hand a message to the channel layer for all hubs, from a loop that has none.

    Returns when the layer has it. Raises `RuntimeError` without a channel layer in the settings, and what the layer
    raises when it is out of reach.
    """
    required_channel_layer()
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_outpost().send(message), _outpost().loop))


class _Outpost:
    """The thread, its loop, and the log of what is emitted."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._id = secrets.token_urlsafe(ORIGIN_LENGTH)
        self._lock = asyncio.Lock()  # which is fair: messages leave in the order in which they came
        self._log: EmissionLog | None = None
        self._place: Place | None = None  # of the log
        threading.Thread(target=self.loop.run_forever, name="socketio-outpost", daemon=True).start()

    async def send(self, message: Message) -> None:
        """Keep a message if that is wanted, then hand it to the layer."""
        log = self._log_for(Options.from_settings())
        if log is not None and isinstance(message, Emission) and not message.volatile:
            log.record(message)
        async with self._lock:
            if log is not None:
                await log.kept()
            async with asyncio.timeout(LAYER_TIMEOUT):
                await required_channel_layer().group_send(GROUP, seal(self._id, [message]))

    def _log_for(self, options: Options) -> EmissionLog | None:
        if options.max_disconnection_duration is None:
            return None
        place = Place.of(options)
        if place.url is None:
            return None  # what a process keeps in its memory is out of reach from here
        if self._log is None or self._place != place:
            # In one stream the numbers of an origin go on without a gap: another stream gets another origin.
            self._id = secrets.token_urlsafe(ORIGIN_LENGTH)
            self._log = EmissionLog(self._id[:ORIGIN_LENGTH], RedisRecoveryStore(place))
            self._place = place
        return self._log


_here: _Outpost | None = None
_making = threading.Lock()


def _outpost() -> _Outpost:
    global _here
    with _making:
        if _here is None:
            _here = _Outpost()
        return _here


def _after_fork() -> None:
    """A thread does not come along into a process that is forked off."""
    global _here, _making
    _here, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
