"""The project's channel layer, as nodes and processes without one use it."""

from __future__ import annotations

import logging
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


def hear_outages_once() -> None:
    """Leave out what channels_redis logs of a Redis that is away: a traceback a second. The adapter says it once."""
    logging.getLogger("channels_redis.pubsub").addFilter(_no_outages)


def _no_outages(record: logging.LogRecord) -> bool:
    error = None if record.exc_info is None else record.exc_info[1]
    return not (isinstance(error, OSError) or type(error).__module__.startswith("redis."))
