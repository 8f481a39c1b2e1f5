"""What librdkafka says of itself every few seconds: is a broker there, and how far behind is each partition."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Statistics:
    """One report. `lag`: records not yet consumed, by partition that is this client's now."""

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
            if partition["fetch_state"] == "active" and partition["consumer_lag"] >= 0
        },
    )
