"""Fixtures of the end-to-end tests: stores, server processes, clients; and the servers' logs beside a failure."""

import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pymongo
import pytest
import pytest_asyncio
from pymongo.database import Database

from devstack.embedded import EmbeddedRedis
from tests.clients.client import GENERATIONS, Client
from tests.clients.driver import Driver

from .cluster import Cluster
from .job import Job
from .people import Person, Room, new_buyer, new_seller
from .server_process import ServerProcess

Connect = Callable[..., Any]
NewRoom = Callable[..., Room]
Stored = Database[dict[str, Any]]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session: all tests of this folder share the Node.js process and the servers."""
    for item in items:
        if _HERE in item.path.parents and isinstance(item, pytest.Function) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def stores(mongodb_server: None, redis_server: None) -> tuple[str, str]:
    """A MongoDB URI and a Redis URL for the servers under test alone, on the session's stores (tests/conftest.py)."""
    mongodb, redis = os.environ["MONGODB_URI"], os.environ["REDIS_ADDRESS"]
    return f"{mongodb.rsplit('/', 1)[0]}/end_to_end", f"{redis.rsplit('/', 1)[0]}/1"


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A Redis of a test file's own, to do harm to."""
    redis = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Server processes behind one MongoDB and one Redis, started when first asked for."""
    async with Cluster(*stores, tmp_path_factory.mktemp("servers")) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(cluster: Cluster, own_redis: EmbeddedRedis) -> AsyncIterator[tuple[ServerProcess, ServerProcess]]:
    """Two processes behind a Redis of their own."""
    names = f"one behind {own_redis.port}", f"other behind {own_redis.port}"
    one, other = [await cluster.server(name, REDIS_ADDRESS=own_redis.address) for name in names]
    yield one, other
    one.stop()
    other.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(cluster: Cluster) -> ServerProcess:
    """The server that most tests talk to."""
    return await cluster.server("first")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def second_server(cluster: Cluster) -> ServerProcess:
    """Another process beside `server`, same stores."""
    return await cluster.server("second")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def job(cluster: Cluster) -> AsyncIterator[Job]:
    """A process that serves nobody, same stores."""
    async with Job(cluster.environment) as job:
        yield job


@pytest.fixture(scope="session")
def database(stores: tuple[str, str]) -> Iterator[Database[dict[str, Any]]]:
    """The servers' database, read past them."""
    with pymongo.MongoClient[dict[str, Any]](stores[0], tz_aware=True) as client:
        yield client.get_default_database()


@pytest.fixture(params=GENERATIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each generation of socket.io-client in turn."""
    generation: str = request.param
    return generation


@pytest_asyncio.fixture(loop_scope="session")
async def connect(driver: Driver, server: ServerProcess) -> AsyncIterator[Connect]:
    """Connects people: awaiting it with a person and a version gives a connected client, until the end of the test.

    Further arguments: `to` (another server), `identity` (parts of it replaced), and all of Client's.
    """
    async with AsyncExitStack() as open_clients:

        async def connect_(
            person: Person,
            version: str = GENERATIONS[-1],
            *,
            to: ServerProcess = server,
            identity: dict[str, Any] | None = None,
            **options: Any,
        ) -> Client:
            options.setdefault("query", person.identity(**(identity or {})))
            client = Client(driver, version=version, url=to.url, **options)
            return await open_clients.enter_async_context(client)

        yield connect_


@pytest.fixture
def new_room(database: Database[dict[str, Any]]) -> NewRoom:
    """Makes rooms: each call one between two new people, in the database already, as the old service stored it.

    Either side can be given; other fields of the document too.
    """

    def new(buyer: Person | None = None, seller: Person | None = None, **fields: Any) -> Room:
        room = Room(buyer or new_buyer(), seller or new_seller())
        database["cz_rooms"].insert_one(room.document(**fields))
        return room

    return new


@pytest.fixture
def room(new_room: Callable[..., Room]) -> Room:
    """A stored room between a new buyer and a new seller."""
    return new_room()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows what the servers logged while it ran."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if isinstance(cluster, Cluster):
        if report.when == "setup":
            cluster.mark_logs()
        if report.failed:
            report.sections += [(f"log of server {name}", text) for name, text in cluster.logs_since_mark()]
    return report
