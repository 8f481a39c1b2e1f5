"""Processes that speak to each other through Redis."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _redis(redis_server: None) -> None:
    """The channel layer of every process here."""
