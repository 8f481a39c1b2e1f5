"""Fixtures for pytest. In the project's conftest.py: `pytest_plugins = ["socketio_bridge.testing.fixtures"]`.

They need pytest and pytest-django.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from socketio_bridge.documentation.description import project_servers
from socketio_bridge.testing.emissions import Emissions, record_emissions
from socketio_bridge.testing.live_server import LiveServer


@pytest.fixture
def emissions() -> Iterator[Emissions]:
    """What the test's process emits. The test fails over what is emitted otherwise than its namespace declares."""
    with record_emissions(*project_servers()) as emissions:
        yield emissions


@pytest.fixture
def socketio_server(transactional_db: Any) -> Iterator[LiveServer]:
    """The project's `ASGI_APPLICATION`, served on a port for the test's time, on the test's database."""
    with LiveServer(import_string(settings.ASGI_APPLICATION)) as server:
        yield server
