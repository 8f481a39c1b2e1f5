"""Records that cannot be read, while the dead letter topic takes none."""

from __future__ import annotations

from typing import cast

import pytest
from confluent_kafka import Message

from auctions import dead_letters
from tests.chat_settings import overridden
from workers.report import WorkerReport


class Unreadable:
    """A record as librdkafka has it."""

    def topic(self) -> str:
        return "results"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 14

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_790_000_000_000

    def headers(self) -> None:
        return None

    def key(self) -> bytes:
        return b"7"

    def value(self) -> bytes:
        return b"?"


def test_a_record_that_is_set_aside_nowhere_is_in_the_log_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dead_letters, "DELIVERY_TIMEOUT", 0.2)
    with overridden(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1"):
        letters = dead_letters.DeadLetters(WorkerReport("auction_results", "records"))
        letters.send([(cast(Message, Unreadable()), "no Avro")])
    [line] = [record for record in caplog.records if "record results[3]@14 is unreadable and not on" in record.message]
    assert not line.__dict__["sampled"]
