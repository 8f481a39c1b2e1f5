"""Processes with recovery on, in a cluster of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import channel_layers
from django.conf import settings
from django.test import override_settings

from tests.socketio_bridge.processes import Process

from .returning import RECOVERING, Beside, Chat

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _a_cluster_of_its_own() -> Iterator[None]:
    """Processes of the test before, some of them dead or frozen on purpose, are not heard in this one."""
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    own = {**layer, "CONFIG": {**layer["CONFIG"], "prefix": f"recovery-{next(_numbers)}"}}
    channel_layers.backends = {}
    with override_settings(CHANNEL_LAYERS={"default": own}):
        yield
    channel_layers.backends = {}


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made = [Process(Chat(), Beside(), options=RECOVERING) for _ in range(2)]
    for process in made:
        process.run(process.hub.cluster._acquainted.wait())
    yield made
    for process in made:
        if not process.loop.is_closed():
            process.stop()
