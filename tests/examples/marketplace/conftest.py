from collections.abc import Iterator

import pytest

from tests.examples.marketplace.project import Marketplace


@pytest.fixture(scope="package")
def marketplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    """The project, seeded and served."""
    marketplace = Marketplace(tmp_path_factory.mktemp("example") / "marketplace")
    try:
        marketplace.start()
        yield marketplace
    finally:
        marketplace.stop()
