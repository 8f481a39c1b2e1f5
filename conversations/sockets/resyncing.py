"""Devices that may have missed events, as the processes could not hear each other: they are told to sync.

A device that knows `resync` syncs from a token. One that does not is disconnected, upon which it connects again by
itself and loads anew, as after any other break; which these are says RESYNC_CLOSES.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from conversations.configuration import ChatSettings
from conversations.services import sync_token
from persistence.availability import StoreUnavailable
from persistence.per_event_loop import PerLoop
from socketio_bridge import Socket, outgoing_event

logger = logging.getLogger(__name__)

SECOND_SHARE: Final = 200
"""Devices that are told in a second, as each comes with a sync or a connect."""
LONGEST: Final = 30.0
"""Seconds within which all of a process are told, however many there are."""
_TURN = 0.1  # seconds between turns
_RETRY = 1.0  # seconds between attempts while MongoDB is away


class Closes(StrEnum):
    """Whose connections end at a gap, of devices that do not say that they know `resync`."""

    NONE = "none"
    OLD = "eio3"
    ALL = "all"


class Resync(Struct):
    """`resync`, to a device that may have missed events: sync from the token `since`, or from an earlier one of yours.

    It comes when the servers could not hear each other, and something was lost by that. It may come several times.
    """

    since: str


@outgoing_event("resync")
def resync(token: Resync) -> None:
    """Something may have been missed: sync; to the devices of a process that could not hear the others."""


class Resyncing:
    """What the devices of this process are still to be told; one object an event loop."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._sockets: Callable[[], Sequence[Socket]] = list
        self._worker: asyncio.Task[None] | None = None

    def noticed_gap(self, since: float, sockets: Callable[[], Sequence[Socket]]) -> None:
        """Have all devices sync.

        Args:
            since: The instant (`time.monotonic()`) after which something may have been missed.
            sockets: Gives the sockets of this process.
        """
        self._since = since if self._since is None else min(since, self._since)
        self._sockets = sockets
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work(), name="resync")

    def stop(self) -> None:
        """Tell no more."""
        if self._worker is not None:
            self._worker.cancel()

    async def _work(self) -> None:
        try:
            while self._since is not None:
                since, self._since = self._since, None
                try:
                    token = await sync_token(since)
                except StoreUnavailable:
                    self.noticed_gap(since, self._sockets)
                    await asyncio.sleep(_RETRY)
                    continue
                await self._tell(token)
        finally:
            self._worker = None

    async def _tell(self, token: str) -> None:
        waiting = list(self._sockets())
        random.shuffle(waiting)  # a gap is no reason to favour who connected first
        turns = min(LONGEST, len(waiting) / SECOND_SHARE) / _TURN
        share = max(1, math.ceil(len(waiting) / max(1.0, turns)))
        closed = 0
        for first in range(0, len(waiting), share):
            for socket in waiting[first : first + share]:
                if _is_closed(socket):
                    socket.reconnect()
                    closed += 1
                else:
                    await socket.emit(resync(Resync(token)))
            await asyncio.sleep(_TURN)
        logger.info("%d devices were told to sync, %d to connect again.", len(waiting) - closed, closed)


def _is_closed(socket: Socket) -> bool:
    if socket.handshake.says("resync"):
        return False
    match Closes(ChatSettings.current().RESYNC_CLOSES):
        case Closes.ALL:
            return True
        case Closes.OLD:
            return socket.handshake.query.get("EIO") != "4"
        case Closes.NONE:
            return False


resyncing = PerLoop(Resyncing)
"""The running loop's, by `get`."""
