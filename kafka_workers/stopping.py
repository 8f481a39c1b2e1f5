"""A worker told to stop finishes what it holds, and then goes."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM or SIGINT sets. A second one of them ends the process at once. For the main thread."""
    stop = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        for again in (signal.SIGTERM, signal.SIGINT):
            signal.signal(again, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request)
    return stop
