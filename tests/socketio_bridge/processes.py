"""Processes for tests, as far as nodes know: a node belongs to an event loop, so a loop in a thread is a process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from socketio_bridge import Namespace, Options, SocketIOServer
from socketio_bridge.adapter.adapter import Adapter, current_adapter
from tests.eventually import eventually_sync
from tests.socketio_bridge.client import FrameClient, connect

T = TypeVar("T")


class Process:
    """A server in an event loop of its own."""

    def __init__(self, *namespaces: Namespace, options: Options | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.connections: list[AbstractAsyncContextManager[FrameClient]] = []  # to be left when this stops
        self._begin()
        self.server = SocketIOServer(namespaces, options=options or Options())
        self.run(self.server.startup())
        self.adapter: Adapter = self.run(_adapter())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in this process; its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(15)

    def stop(self) -> None:
        """End the process."""
        if not self.thread.is_alive():
            self._begin()
        self.run(self.server.shutdown())
        for connection in self.connections:
            self.run(connection.__aexit__(None, None, None))
        self.die()

    def freeze(self) -> None:
        """Do nothing more, as if dead, with all connections as they are; until `stop`."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def die(self) -> None:
        """End the process without a word to the others."""
        self.freeze()
        self.loop.close()

    def _begin(self) -> None:
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def client(self, who: str, namespace: str = "/chat") -> Person:
        """A client that has joined the namespace as `who`."""
        return Person(self, who, namespace)


def introduce(*processes: Process) -> None:
    """Return when each of the processes knows all others."""

    async def nodes(process: Process) -> frozenset[str]:
        return process.adapter.cluster.nodes

    for process in processes:
        others = {other.adapter.id for other in processes if other is not process}
        eventually_sync(lambda: others <= process.run(nodes(process)))  # noqa: B023  asked now


class Person:
    """A client in one of the processes."""

    def __init__(self, process: Process, who: str, namespace: str) -> None:
        self.process = process
        self.connection = connect(process.server)
        self.client: FrameClient = process.run(self.connection.__aenter__())
        self.id = process.run(self.client.join(namespace, {"who": who}))

    def send(self, frame: str) -> None:
        self.process.run(self.client.send(frame))

    def receive(self) -> str:
        return self.process.run(self.client.receive())

    def receive_binary(self) -> bytes:
        return self.process.run(self.client.receive_binary())

    def leave(self) -> None:
        self.process.run(self.connection.__aexit__(None, None, None))


async def _adapter() -> Adapter:
    return current_adapter()
