"""Instrumentation: what the bridge tells whoever measures it. It knows no monitoring system.

    class Counted(Instrumentation):
        def event_handled(self, namespace: str, event: str, error: BaseException | None, seconds: float) -> None:
            HANDLED.labels(namespace, event, "ok" if error is None else "refused").observe(seconds)

    instrument(Counted())

What stands at a moment, such as how many sockets there are, says `SocketIOServer.statistics`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Instrumentation:
    """Is told what happens in this process. Each method does nothing here; subclasses override what they measure.

    The methods are called in the event loop, most of them for each event: they must be quick, and must not raise.
    """

    def event_handled(self, namespace: str, event: str, error: BaseException | None, seconds: float) -> None:
        """The handler of an event has ended.

        Args:
            namespace: The path of a namespace; of a dynamic one the name of its class. There are as many as there are
                namespaces.
            event: The event's name; "" for one that the namespace does not declare. There are as many as there are
                handlers.
            error: What the handler, its guards or the check of its arguments raised.
            seconds: How long it took, without what the event waited for before.
        """

    def event_answered(self, seconds: float) -> None:
        """An event is handled, and its acknowledgement queued, so many seconds after it was received."""

    def queue_written(self, seconds: float) -> None:
        """A send queue has been written out to its WebSocket, so many seconds after its first packet was queued."""

    def exchanged(self, part: str, seconds: float, *, failed: bool) -> None:
        """What lies between the processes has been asked something, which took so many seconds.

        Args:
            part: "channel_layer": it was handed an envelope, once for each attempt. "recovery": a command or a
                pipeline in Redis, without the reads that wait for news.
            seconds: How long it took.
            failed: Whether it ended with an error.
        """

    def client_dropped(self) -> None:
        """A client was disconnected that read too slowly (`Options.outbound_limit`)."""


NOTHING = Instrumentation()
_instrumentations = [NOTHING]


def instrument(instrumentation: Instrumentation) -> None:
    """Have an instrumentation told what happens in this process, in place of the one before."""
    _instrumentations[0] = instrumentation


def instrumentation() -> Instrumentation:
    """The instrumentation of this process."""
    return _instrumentations[0]


@contextmanager
def exchange(part: str) -> Iterator[None]:
    """Time a block for `Instrumentation.exchanged`."""
    began, failed = time.monotonic(), True
    try:
        yield
        failed = False
    finally:
        _instrumentations[0].exchanged(part, time.monotonic() - began, failed=failed)
