"""The real broker of this folder's tests, and the stores beside it; all tests here are marked `kafka`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.event_relay.conftest import database

from .broker import Broker, KafkaMissing

__all__ = ["database"]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` leaves these out, `make test-kafka` runs them."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A running broker."""
    try:
        broker = Broker(tmp_path_factory.mktemp("kafka"))
    except KafkaMissing as missing:
        pytest.skip(str(missing))
    broker.start()
    yield broker
    broker.kill()
