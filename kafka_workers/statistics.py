"""What librdkafka says of itself every few seconds: is a broker there, and how far behind is each partition."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Statistics:
    """One report. `lag`: records not yet consumed, by partition of any topic that this client consumes."""

    broker_up: bool
    lag: dict[int, int]


def read_statistics(text: str) -> Statistics:
    """Read the JSON that `stats_cb` gets (librdkafka's STATISTICS.md)."""
    report: dict[str, Any] = json.loads(text)
    return Statistics(
        broker_up=any(broker["state"] == "UP" for broker in report.get("brokers", {}).values()),
        lag={
            partition["partition"]: partition["consumer_lag"]
            for topic in report.get("topics", {}).values()
            for partition in topic["partitions"].values()
            if partition["partition"] >= 0 and partition.get("consumer_lag", -1) >= 0
        },
    )
