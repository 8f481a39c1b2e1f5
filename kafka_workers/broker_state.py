"""Whether the brokers answer, by librdkafka's callbacks. A change of it is logged once."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError

from workers.report import Report

logger = logging.getLogger(__name__)

_FAILURES = (
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError._FATAL,
)
_RETRIED = (KafkaError._TRANSPORT, KafkaError._TIMED_OUT)


@dataclass(frozen=True, slots=True)
class Statistics:
    """One of librdkafka's statistics reports.

    Attributes:
        broker_up: Whether any broker is connected.
        lag: Records not yet consumed, by partition assigned to this client.
    """

    broker_up: bool
    lag: dict[int, int]


def read_statistics(text: str) -> Statistics:
    """Read the JSON of `stats_cb`; librdkafka's STATISTICS.md describes it."""
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
    """Reports the state of one client's brokers.

        brokers = BrokerState(report)
        producer = Producer(client_configuration(error_cb=brokers.on_error, stats_cb=brokers.on_statistics))

    Args:
        report: The worker's report; it gets the failure "kafka".
    """

    def __init__(self, report: Report) -> None:
        self._report = report

    def on_error(self, error: KafkaError) -> None:
        """A client's `error_cb`."""
        if error.code() in _FAILURES or error.fatal():
            if self._report.failed("kafka", error.str()):
                logger.warning("Kafka: %s", error.str())
        elif error.code() in _RETRIED:
            logger.debug("Kafka: %s", error.str())
        else:
            logger.warning("Kafka: %s", error.str())

    def on_statistics(self, text: str) -> Statistics:
        """A client's `stats_cb`; returns what the statistics say."""
        statistics = read_statistics(text)
        if statistics.broker_up and self._report.recovered("kafka"):
            logger.info("Kafka answers again")
        return statistics
