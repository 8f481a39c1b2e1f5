import os
from collections.abc import Iterator

import pytest

from tests.examples.marketplace.postgresql import PostgreSQL, PostgreSQLMissing
from tests.examples.marketplace.project import PROJECT, Marketplace


def chat(name: str, number: int) -> dict[str, str]:
    """The variables of a project's chat: where its packages are, and stores of its own on those of the session.

    Args:
        name: Of its MongoDB database.
        number: Of its Redis database.
    """
    return {
        "PYTHONPATH": str(PROJECT),
        "MONGODB_URI": f"{os.environ['MONGODB_URI'].rsplit('/', 1)[0]}/{name}",
        "MONGODB_ENGINE": os.environ["MONGODB_ENGINE"],
        "REDIS_URL": f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/{number}",
    }


@pytest.fixture(scope="package")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL with an empty database."""
    try:
        postgresql = PostgreSQL()
    except PostgreSQLMissing as missing:
        pytest.skip(str(missing))
    try:
        postgresql.start()
        yield postgresql
    finally:
        postgresql.stop()


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Marketplace:
    """The project as it is checked out, without a database."""
    return Marketplace(tmp_path_factory.mktemp("checked-out") / "marketplace", **chat("none", 4))


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def marketplace(
    request: pytest.FixtureRequest,
    mongodb_server: None,
    redis_server: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Marketplace]:
    """The project, seeded and served, on each database."""
    database = chat(f"marketplace_beside_{request.param}", 5 if request.param == "sqlite" else 6)
    if request.param == "postgresql":
        database["DATABASE_URL"] = request.getfixturevalue("postgresql").address
    marketplace = Marketplace(tmp_path_factory.mktemp(request.param) / "marketplace", **database)
    try:
        marketplace.start()
        yield marketplace
    finally:
        marketplace.stop()
