from collections.abc import Iterator

import pytest

from tests.examples.marketplace.postgresql import PostgreSQL, PostgreSQLMissing
from tests.examples.marketplace.project import Marketplace


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
    return Marketplace(tmp_path_factory.mktemp("checked-out") / "marketplace")


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def marketplace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    """The project, seeded and served, on each database."""
    database = {}
    if request.param == "postgresql":
        database["DATABASE_URL"] = request.getfixturevalue("postgresql").address
    marketplace = Marketplace(tmp_path_factory.mktemp(request.param) / "marketplace", **database)
    try:
        marketplace.start()
        yield marketplace
    finally:
        marketplace.stop()
