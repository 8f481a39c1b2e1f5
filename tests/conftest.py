"""What the tests of all folders may ask for: a real MongoDB, a real Redis, mock Kafka brokers, real clients.

Django reads its settings when the first test module is imported, so the stores' addresses are chosen here, at import.
A store starts when the first test that asks for it runs: by `mongodb_server` and `redis_server`, or by a fixture that
asks for those. Each process of pytest-xdist has stores of its own.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
import pytest_asyncio

from devstack.embedded import EmbeddedKafka, EmbeddedMongoDB, EmbeddedRedis
from tests.chat_settings import ChatSettings
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
    MONGODB_PATIENCE SYNC_WINDOW RESYNC_CLOSES DEMO
    WEBHOOKS WEBHOOK_TIMEOUT WEBHOOK_CONCURRENCY WEBHOOK_GIVE_UP_AFTER WEBHOOK_UNREAD_AFTER
"""
for name in UNSET.split():
    os.environ.pop(name, None)

django.setup()
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers inherit our environment. With this name in it pytest-django would read the settings, and our stores'
    addresses, before a worker's own conftest.py names its own.
    """
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a parallel run the files that take longest come first, so that it does not end in waiting for one of them."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (item.path not in slow, "every_page" not in item.path.parts))


@pytest.fixture
def settings(settings: Any) -> ChatSettings:
    """pytest-django's own, which takes the keys of CONVERSATIONS, too."""
    return ChatSettings(settings)


@pytest.fixture(scope="session")
def mongodb_server() -> Iterator[None]:
    """A MongoDB runs at `settings.MONGODB_URI`."""
    MONGODB.start()
    yield
    MONGODB.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[None]:
    """A Redis runs at `settings.REDIS_ADDRESS`."""
    REDIS.start()
    yield
    REDIS.stop()


@pytest.fixture(scope="session")
def django_db_setup(mongodb_server: None, redis_server: None, django_db_setup: None) -> None:
    """pytest-django's own, once the stores run."""


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
