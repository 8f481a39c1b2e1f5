"""SIGTERM and SIGINT, heard beside the ASGI server.

An ASGI server waits for open requests before it tells the application to stop, and a poll is open until there is
something to send: for up to `ping_interval`. So the application must hear the signal itself.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType

Handler = Callable[[int, FrameType | None], object]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Calls `on_stop` in the loop when a signal to stop comes, and then the handler that the ASGI server had set.

    Nothing changes outside the main thread, and where the server has set no handler in Python.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, on_stop: Callable[[], None]) -> None:
        self._loop = loop
        self._on_stop = on_stop
        self._before: dict[int, Handler] = {}

    def listen(self) -> None:
        """Put this before the server's handlers."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if callable(before):
                self._before[number] = before
                signal.signal(number, self._take)

    def forget(self) -> None:
        """Put the server's handlers back, where nobody has set others."""
        for number, before in self._before.items():
            if signal.getsignal(number) == self._take:
                signal.signal(number, before)
        self._before.clear()

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._on_stop)
        self._before[number](number, frame)
