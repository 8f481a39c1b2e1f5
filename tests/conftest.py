"""The stores of a test session: one real MongoDB and one real Redis of its own, and Django pointed at them; brokers and
the host of real clients for those who ask.

Django reads its settings when the first test module is imported, so the addresses are chosen here, at import,
and the stores start with the session.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import django
import pytest
import pytest_asyncio

from devstack.embedded import EmbeddedKafka, EmbeddedMongoDB, EmbeddedRedis
from tests.clients.driver import Driver
from tests.clients.node import NodeMissing, node_executable
from tests.no_skips_on_ci import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  hooks

DATA_DIR = Path(tempfile.mkdtemp(prefix="chozoi-tests-"))
MONGODB = EmbeddedMongoDB(DATA_DIR)
REDIS = EmbeddedRedis(DATA_DIR)

# What the machine's environment says is not for the tests: they state the settings they mean.
os.environ.update(
    DJANGO_SETTINGS_MODULE="chozoi_chat.settings",
    DATA_DIR=str(DATA_DIR),
    MONGODB_URI=MONGODB.address,
    MONGODB_ENGINE="devstack.engine",
    REDIS_ADDRESS=REDIS.address,
    SECRET_KEY="the tests' secret key, of no use anywhere else",
    DEBUG="false",
)
UNSET = """
    AUTH_MODE AUTH_JWT_KEY AUTH_JWKS_URL AUTH_JWT_ISSUER AUTH_JWT_AUDIENCE AUTH_INTROSPECTION_URL AUTH_TOKEN_HEADER
    ALLOWED_HOSTS ALLOWED_ORIGINS SHOP_SERVICE ACCOUNT_SERVICE SOCKET_PATH MESSENGER_NAMESPACE AUCTION_RESULT_NAMESPACE
    AUCTIONS_RESULT_NAMESPACE KAFKA_BOOTSTRAP_SERVERS SCHEMA_REGISTRY_URL MESSAGE_MAX_LENGTH HOST PORT WEB_CONCURRENCY
    LOG_LEVEL API_RATE_USER API_RATE_ADDRESS API_RATE_UPLOADS API_RATE_SEARCHES UPLOAD_MAX_BYTES UPLOAD_MAX_PIXELS
    PUBLIC_URL MEDIA_STORAGE MEDIA_STORAGE_OPTIONS KAFKA_OPTIONS WORKER_STATUS_PORT LOGIN_FAILURES LOGIN_LOCKOUT
    EDIT_WINDOW SHOP_OWNER_FIELDS CHANNEL_PREFIX CSRF_TRUSTED_ORIGINS SERVED_OVER_HTTPS HSTS_SECONDS
    KEEP_ALIVE REQUEST_TIMEOUT MAX_CONNECTIONS MAX_CONNECTIONS_PER_ADDRESS IMAGE_HOSTS API_RATE_UPLOADS_ADDRESS
    AUTH_FAILURES EVENT_RATE_USER EVENT_RATE_ADDRESS EVENT_RATE_MESSAGES EVENT_RATE_CONNECTS EVENT_RATE_COSTLY
    MONGODB_PATIENCE
"""
for name in UNSET.split():
    os.environ.pop(name, None)

django.setup()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the stores, unless the tests are only listed."""
    atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)
    if not session.config.option.collectonly:
        atexit.register(REDIS.stop)
        atexit.register(MONGODB.stop)
        REDIS.start()
        MONGODB.start()


@pytest.fixture(scope="session")
def kafka() -> Iterator[EmbeddedKafka]:
    """Mock brokers over TCP and a schema registry, for the session."""
    kafka = EmbeddedKafka(DATA_DIR)
    kafka.start()
    yield kafka
    kafka.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def driver() -> AsyncIterator[Driver]:
    """The Node.js process that hosts the clients of all tests that share the session's event loop."""
    try:
        node_executable()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    async with Driver() as driver:
        yield driver
