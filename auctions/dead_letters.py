"""The dead letter topic: records that cannot be decoded, byte for byte, with their place and the reason in headers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from auctions.results import DEAD_LETTER_TOPIC
from kafka_workers.clients import producer_configuration
from kafka_workers.configuration import KafkaSettings
from workers.report import WorkerReport

logger = logging.getLogger(__name__)

DELIVERY_TIMEOUT = 30.0
"""Seconds in which the dead letter topic must take a record."""


class DeadLetters:
    """The producer of the dead letter topic."""

    def __init__(self, report: WorkerReport) -> None:
        self._report = report
        self._producer = Producer(producer_configuration(**{"message.timeout.ms": int(DELIVERY_TIMEOUT * 1000)}))

    def send(self, unreadable: Sequence[tuple[Message, str]]) -> None:
        """Send records to the dead letter topic, and block until it has them or refuses them.

        A refused record is named in the log. It stays on its own topic for as long as that keeps records.

        Args:
            unreadable: The records, each with the reason.
        """
        for record, reason in unreadable:
            self._report.dead_letter()
            logger.warning("%s cannot be read: %s", _place(record), reason)
            headers = [*(record.headers() or []), *_headers(record, reason)]
            try:
                self._producer.produce(
                    DEAD_LETTER_TOPIC,
                    record.value(),
                    record.key(),
                    headers=headers,
                    on_delivery=partial(self._delivered, record),
                )
            except (KafkaException, BufferError) as error:
                self._lost(record, error)
        self._producer.flush(DELIVERY_TIMEOUT + 1)

    def _delivered(self, record: Message, error: KafkaError | None, letter: Message) -> None:
        if error is not None:
            self._lost(record, error)
        else:
            self._report.recovered("dead letters")

    def _lost(self, record: Message, error: object) -> None:
        self._report.failed("dead letters", f"{DEAD_LETTER_TOPIC} does not take records: {error}")
        logger.error(
            "%s is unreadable and not on %s: %s", _place(record), DEAD_LETTER_TOPIC, error, extra={"sampled": False}
        )


def _headers(record: Message, reason: str) -> list[tuple[str, str | bytes | None]]:
    _, timestamp = record.timestamp()
    return [
        ("dlq.reason", reason),
        ("dlq.topic", record.topic() or ""),
        ("dlq.partition", str(record.partition())),
        ("dlq.offset", str(record.offset())),
        ("dlq.timestamp", str(timestamp)),
        ("dlq.group", KafkaSettings.current().CONSUMER_GROUP_ID),
    ]


def _place(record: Message) -> str:
    return f"record {record.topic()}[{record.partition()}]@{record.offset()}"
