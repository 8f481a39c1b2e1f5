"""What tests of the bridge must not leave to one another."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import channels.db
import pytest
from channels.layers import channel_layers
from django.conf import settings
from django.test import override_settings

_close_old_connections = channels.db.close_old_connections


@pytest.fixture(autouse=True)
def _channels_own_patch_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels' communicators patch this during each call; calls of several clients that overlap undo it in the wrong
    order, and leave it patched.
    """
    monkeypatch.setattr(channels.db, "close_old_connections", _close_old_connections)


@pytest.fixture(autouse=True)
def _a_cluster_of_its_own() -> Iterator[None]:
    """Processes of other tests, some of them dead or frozen on purpose, are not heard in this one."""
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    own = {**layer, "CONFIG": {**layer["CONFIG"], "prefix": f"test-{secrets.token_hex(6)}"}}
    channel_layers.backends = {}
    with override_settings(CHANNEL_LAYERS={"default": own}):
        yield
    channel_layers.backends = {}
