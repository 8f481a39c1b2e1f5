"""Metrics of the stores, for Prometheus, of servers and workers alike: round trips to MongoDB and to Redis.

They are told by pymongo, by `persistence` and by the bridge, which know no Prometheus.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import pymongo.monitoring
from django.dispatch import receiver
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector

from persistence.redis_client import redis_called
from socketio_bridge.instrumentation import Instrumentation, instrument

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The buckets of all times."""

registry: Final = CollectorRegistry()

MONGODB = Histogram(
    "mongodb_command_seconds",
    "round trips to MongoDB, by command and outcome (ok, failed)",
    ["command", "outcome"],
    buckets=SECONDS,
    registry=registry,
)
REDIS = Histogram(
    "redis_call_seconds",
    "round trips to Redis, by part (chat: limits, presence and counts; channel_layer: envelopes to other processes; "
    "recovery: its stream and sessions, without the reads that wait for news) and outcome (ok, failed)",
    ["part", "outcome"],
    buckets=SECONDS,
    registry=registry,
)


class StoreInstrumentation(Instrumentation):
    """Notes what the bridge asks of Redis."""

    def __init__(self) -> None:
        self._exchanged = {
            (part, failed): REDIS.labels(part, "failed" if failed else "ok")
            for part in ("channel_layer", "recovery")
            for failed in (False, True)
        }

    def exchanged(self, part: str, seconds: float, *, failed: bool) -> None:
        """As of `Instrumentation`."""
        self._exchanged[part, failed].observe(seconds)


class _MongoDBTimes(pymongo.monitoring.CommandListener):
    """Times the commands of all clients of this process."""

    def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
        """Nothing: the end of a command knows how long it took."""

    def succeeded(self, event: pymongo.monitoring.CommandSucceededEvent) -> None:
        """Note a command that was answered."""
        MONGODB.labels(event.command_name, "ok").observe(event.duration_micros / 1e6)

    def failed(self, event: pymongo.monitoring.CommandFailedEvent) -> None:
        """Note a command that was not answered, or with an error."""
        MONGODB.labels(event.command_name, "failed").observe(event.duration_micros / 1e6)


@cache
def measure_stores() -> None:
    """Have what this process asks of the stores measured. To be called before the first client of MongoDB is made."""
    pymongo.monitoring.register(_MongoDBTimes())
    receiver(redis_called, weak=False)(_note_redis)
    instrument(StoreInstrumentation())
    ProcessCollector(registry=registry)


def _note_redis(sender: Any, *, seconds: float, failed: bool, **kwargs: Any) -> None:
    REDIS.labels("chat", "failed" if failed else "ok").observe(seconds)
