"""Two server processes, and each proxy of `deploy/` in front of them in its turn."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.cluster import Cluster
from tests.e2e.conftest import connect, database, new_room, pytest_runtest_makereport, room  # noqa: F401  fixtures
from tests.e2e.server_process import ServerProcess

from .proxies import HAProxy, Nginx, Proxy, ProxyMissing

CALLS = 20
"""REST calls that one address may make in a minute."""
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for the session: all tests of this folder share the Node.js process and the servers."""
    for item in items:
        if _HERE in item.path.parents and isinstance(item, pytest.Function) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def stores(mongodb_server: None, redis_server: None) -> tuple[str, str]:
    """A MongoDB URI and a Redis URL for these servers alone, on the session's stores."""
    mongodb, redis = os.environ["MONGODB_URI"], os.environ["REDIS_ADDRESS"]
    return f"{mongodb.rsplit('/', 1)[0]}/behind_proxies", f"{redis.rsplit('/', 1)[0]}/11"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster(stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """Server processes as behind a proxy that ends TLS on the same machine."""
    async with Cluster(*stores, tmp_path_factory.mktemp("servers")) as cluster:
        cluster.environment |= {
            "SERVED_OVER_HTTPS": "true",
            "ALLOWED_HOSTS": "127.0.0.1,[::1]",
            "FORWARDED_ALLOW_IPS": "127.0.0.1",
            "API_RATE_ADDRESS": f"{CALLS}/m",
        }
        yield cluster


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(cluster: Cluster) -> list[ServerProcess]:
    """Both processes."""
    return [await cluster.server(name) for name in ("first", "second")]


@pytest.fixture(scope="session")
def server(servers: list[ServerProcess]) -> ServerProcess:
    """The process that a client would reach without a proxy."""
    return servers[0]


@pytest.fixture(scope="module", params=[Nginx, HAProxy], ids=["nginx", "haproxy"])
def proxy(request: pytest.FixtureRequest, servers: list[ServerProcess]) -> Iterator[Proxy]:
    """Each proxy in its turn."""
    try:
        proxy: Proxy = request.param([server.url for server in servers])
    except ProxyMissing as missing:
        pytest.skip(str(missing))
    try:
        proxy.start()
        yield proxy
    finally:
        proxy.remove()
