"""The system under test: two server processes, a MongoDB and a Redis, and what lies between them."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymongo
from pymongo.database import Database

from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis, EmbeddedStore
from tests.clients.network import Network
from tests.clients.replica_set_member import ReplicaSetMember
from tests.e2e.cluster import Cluster
from tests.e2e.server_process import PROJECT, ServerProcess

FROM_ONE_ADDRESS = {
    "MAX_CONNECTIONS_PER_ADDRESS": "20000",
    "EVENT_RATE_ADDRESS": "0",
    "API_RATE_ADDRESS": "0",
    "AUTH_FAILURES": "0",
}
"""All clients of these tests have one address; what one address may do is tried elsewhere."""


class System:
    """Stores with a proxy each, and a cluster of servers that know the proxies alone.

    `directory`: for data and logs. `project`: whose code the servers run. `recovery`: whether connection state
    recovery is on.
    """

    def __init__(self, directory: Path, *, project: Path = PROJECT, recovery: bool = False) -> None:
        self._directory = directory
        self._project = project
        self._recovery = recovery
        self._parts = AsyncExitStack()
        # The kernel ends a store with the thread that started it.
        self._starter = ThreadPoolExecutor(1)
        self.mongodb = EmbeddedMongoDB(directory)
        self.redis = EmbeddedRedis(directory)
        self.cluster: Cluster
        self.member: ReplicaSetMember
        self.to_mongodb: Network
        self.to_redis: tuple[Network, Network]
        """The first server's way, and the way of all others."""
        self.database: Database[dict[str, Any]]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as parts:
            parts.callback(self._starter.shutdown)
            for store in (self.mongodb, self.redis):
                parts.push_async_callback(self._call, store.stop)
                await self.start(store)
            self.to_mongodb = await parts.enter_async_context(Network(f"http://127.0.0.1:{self.mongodb.port}"))
            self.member = await parts.enter_async_context(ReplicaSetMember(f"mongodb://{self.to_mongodb.address}"))
            to_redis = [await parts.enter_async_context(Network(self.redis.address)) for _ in range(2)]
            self.to_redis = to_redis[0], to_redis[1]
            client = parts.enter_context(pymongo.MongoClient[dict[str, Any]](self.mongodb.address, tz_aware=True))
            self.database = client.get_database("faults")
            addresses = f"mongodb://{self.member.address}/faults", _redis_at(self.to_redis[1])
            self.cluster = Cluster(*addresses, self._directory, self._project)
            self.cluster.environment |= FROM_ONE_ADDRESS | {"MONGODB_ENGINE": "devstack.engine"}
            if self._recovery:
                self.cluster.environment["MAX_DISCONNECTION_DURATION"] = "120"
            await parts.enter_async_context(self.cluster)
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._parts.aclose()

    @asynccontextmanager
    async def servers(
        self, name: str, settings: Mapping[str, str], first_settings: Mapping[str, str], *, keep: bool = False
    ) -> AsyncIterator[Sequence[ServerProcess]]:
        """Two servers for one scenario; `first_settings` are those of the first alone. With `keep` they run on."""
        own_way = {"REDIS_ADDRESS": _redis_at(self.to_redis[0])}
        first, second = await asyncio.gather(
            self.cluster.server(f"{name} 1", **{**settings, **own_way, **first_settings}),
            self.cluster.server(f"{name} 2", **settings),
        )
        try:
            yield first, second
        finally:
            if not keep:
                await asyncio.gather(asyncio.to_thread(first.stop), asyncio.to_thread(second.stop))

    async def _call(self, do: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._starter, do)

    async def start(self, store: EmbeddedStore) -> None:
        """Start a store, or start it again on its data and port, and wait until it answers."""
        await self._call(store.start)

    def kill(self, store: EmbeddedStore) -> None:
        """End a store by SIGKILL."""
        assert store.process is not None
        store.process.kill()
        store.process.wait()

    def pause(self, process: int) -> None:
        """Have a process stand still."""
        os.kill(process, signal.SIGSTOP)

    def go_on(self, process: int) -> None:
        """Have a paused process go on."""
        os.kill(process, signal.SIGCONT)


def _redis_at(way: Network) -> str:
    return f"redis://{way.address}/0"


def end_tidily_on_sigterm() -> None:
    """Have a SIGTERM cancel the running task, as Ctrl-C does, so that all that was started is ended."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def memory(pid: int) -> float:
    """The resident memory of a process in MB; 0 of one that is not there."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")), 0.0)


def descriptors(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def complaints(log: str) -> list[str]:
    """The lines of a server's log that are warnings or errors, and each line of a traceback that is no log line."""
    found = []
    for line in log.splitlines():
        try:
            level = json.loads(line).get("level", "")
        except (ValueError, AttributeError):
            if line.startswith("Traceback"):
                found.append(line)
            continue
        if level in ("warning", "error", "critical"):
            found.append(line)
    return found
