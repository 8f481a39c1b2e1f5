"""The project's channel layer, as nodes and processes without one use it."""

from __future__ import annotations

from typing import Any

from channels.layers import get_channel_layer

LAYER_TIMEOUT = 10.0
"""Seconds that one exchange with the layer may take."""


def required_channel_layer() -> Any:
    """The channel layer. Raises `RuntimeError` without one in the settings."""
    layer = get_channel_layer()
    if layer is None:
        raise RuntimeError("CHANNEL_LAYERS is not set: without it only a process that serves sockets can reach them")
    return layer
