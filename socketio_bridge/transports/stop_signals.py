"""SIGTERM and SIGINT, heard before the ASGI server hears them.

At a signal an ASGI server closes all connections at once, and waits for open requests before it tells the application;
a poll is open until there is something to send. So the application hears the signal first, and the server when its
clients have left.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

Handler = Callable[[int, FrameType | None], object]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Runs `drain` in the loop when a signal to stop comes, and then the handler that the ASGI server had set.

    A SIGINT that comes meanwhile cancels the drain: who presses Ctrl-C twice does not want to wait. A second SIGTERM
    does not. A service manager sends one to each process of a service, and uvicorn's main process passes its own on.

    A process that has not stopped `window` seconds after the signal is ended by SIGALRM, whatever it does: the kernel
    keeps that time. Nothing changes outside the main thread, and where the server has set no handler in Python.

    Args:
        loop: The event loop of the server.
        drain: Has the clients leave. It may be cancelled.
        window: Seconds.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, drain: Callable[[], Coroutine[Any, Any, None]], window: float
    ) -> None:
        self._loop = loop
        self._drain = drain
        self._window = window
        self._before: dict[int, Handler] = {}
        self._told = False
        self._draining: asyncio.Task[None] | None = None

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
        """Put the server's handlers back, where nobody has set others; the process has stopped in time."""
        for number, before in self._before.items():
            if signal.getsignal(number) == self._take:
                signal.signal(number, before)
        self._before.clear()
        if self._told:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if not self._told:
            self._told = True
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, self._window)
        if self._loop.is_closed():
            self._before[number](number, frame)
        else:
            self._loop.call_soon_threadsafe(self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        if self._draining is None:
            logger.info("The process is told to stop, and is ended in %g s at the latest.", self._window)
            self._draining = self._loop.create_task(self._drain(), name="drain")
            self._draining.add_done_callback(lambda _: self._pass_on(number))
        elif self._draining.done():
            self._pass_on(number)
        elif number == signal.SIGINT:
            self._draining.cancel()

    def _pass_on(self, number: int) -> None:
        if before := self._before.get(number):
            before(number, None)
