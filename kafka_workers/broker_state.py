"""Whether the brokers answer, from what librdkafka calls back: logged when that changes, not each time it is tried."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError

from kafka_workers.report import WorkerReport

logger = logging.getLogger(__name__)

_IN_THE_WAY = (
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError._FATAL,
)
_TRIED_AGAIN = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT)


@dataclass(frozen=True, slots=True)
class Statistics:
    """One report of librdkafka's statistics.

    `broker_up`: whether a broker answers. `lag`: records not yet consumed, by partition that is this client's now.
    """

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


class BrokerState:
    """The state of one client's brokers in a worker's report."""

    def __init__(self, report: WorkerReport) -> None:
        self._report = report

    def failed(self, error: KafkaError) -> None:
        """For a client's `error_cb`."""
        if error.code() in _IN_THE_WAY or error.fatal():
            if self._report.trouble("kafka", error.str()):
                logger.warning("Kafka: %s", error.str())
        elif error.code() in _TRIED_AGAIN:
            logger.debug("Kafka: %s", error.str())
        else:
            logger.warning("Kafka: %s", error.str())

    def stated(self, text: str) -> Statistics:
        """For a client's `stats_cb`; returns what it says."""
        statistics = read_statistics(text)
        if statistics.broker_up and self._report.well("kafka"):
            logger.info("Kafka answers again")
        return statistics
