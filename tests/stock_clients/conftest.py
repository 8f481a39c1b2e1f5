"""Fixtures: processes of the application behind the session's Redis, and clients of any generation and transport."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.client import GENERATIONS, Client
from tests.clients.driver import Driver

from .application import PATH
from .process import Process

Connect = Callable[..., Awaitable[Client]]
DEFAULT, POLLING, WEBSOCKET = ("polling", "websocket"), ("polling",), ("websocket",)
BY_ITSELF = {"reconnection": True, "reconnectionDelay": 50, "reconnectionDelayMax": 200, "timeout": 2000}
"""Options of a client that reconnects, quickly."""
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session: all tests of this folder share the Node.js process and the servers."""
    for item in items:
        if _HERE in item.path.parents and isinstance(item, pytest.Function) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def processes(
    redis_server: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Callable[..., Awaitable[Process]]]:
    """Awaiting it with a name gives the process of that name, running; further arguments are the bridge's options."""
    directory = tmp_path_factory.mktemp("stock_clients")
    redis = f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/8"
    started: dict[str, Process] = {}

    async def process(name: str, **options: Any) -> Process:
        if name not in started:
            started[name] = Process(directory, redis, options)
            await started[name].start()
        return started[name]

    yield process
    for each in started.values():
        await each.kill()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(processes: Callable[..., Awaitable[Process]]) -> Process:
    """The process that most tests talk to."""
    return await processes("first")


@pytest.fixture(params=GENERATIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each generation of socket.io-client in turn."""
    generation: str = request.param
    return generation


@pytest.fixture(params=[DEFAULT, POLLING, WEBSOCKET], ids="-".join)
def transports(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Each choice of transports in turn."""
    chosen: tuple[str, ...] = request.param
    return chosen


@pytest_asyncio.fixture(loop_scope="session")
async def connect(driver: Driver, server: Process) -> AsyncIterator[Connect]:
    """Connects clients: awaiting it with a version gives a connected one, until the end of the test.

    `to`: a URL other than the server's. All of Client's arguments go.
    """
    async with AsyncExitStack() as open_clients:

        async def connect_(version: str = GENERATIONS[-1], *, to: str = server.url, **options: Any) -> Client:
            arguments = {"namespace": "/", "path": PATH, "transports": DEFAULT, **options}
            return await open_clients.enter_async_context(Client(driver, version=version, url=to, **arguments))

        yield connect_
