"""`manage.py consume_auction_results` as a process, on mock brokers over TCP; what it did shows in Redis."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from auctions.results import DEAD_LETTER_TOPIC, TOPIC
from devstack.embedded import EmbeddedKafka, EmbeddedRedis, free_port
from tests.auctions.conftest import SHARED_GROUP, NewConsumer
from tests.auctions.publisher import Publisher, result
from tests.eventually import PATIENCE, eventually_sync
from tests.kafka_workers.forwarded import forwarded
from tests.workers.worker_process import WorkerProcess

pytestmark = pytest.mark.slow


@pytest.fixture
def store() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(os.environ["REDIS_ADDRESS"], decode_responses=True) as store:
        yield store


def latest(store: redis.Redis, auction: int) -> dict[str, Any] | None:
    text = store.hget(f"auctions:latest:{auction}", "result")
    return json.loads(text) if text else None


def price(store: redis.Redis, auction: int) -> int | None:
    known = latest(store, auction)
    return None if known is None else int(known["currentPrice"])


def _registered(publisher: Publisher, subject: str) -> str:
    text = publisher.registry.get_latest_version(subject).schema.schema_str
    assert text is not None
    return text


def dead_letters(kafka: EmbeddedKafka, key: str) -> list[Message]:
    """What the shared consumer wrote to the dead letter topic under this key: one record, at least."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "reader"})
    topic = consumer.list_topics(DEAD_LETTER_TOPIC, timeout=10).topics[DEAD_LETTER_TOPIC]
    consumer.assign([TopicPartition(DEAD_LETTER_TOPIC, number, OFFSET_BEGINNING) for number in topic.partitions])
    found: list[Message] = []
    try:
        deadline = time.monotonic() + PATIENCE
        while not _of(found, key) and time.monotonic() < deadline:
            found += consumer.consume(100, 0.2)
    finally:
        consumer.close()
    return _of(found, key)


def _of(records: list[Message], key: str) -> list[Message]:
    return [
        record
        for record in records
        if record.error() is None
        and record.key() == key.encode()
        and dict(record.headers() or [])["dlq.group"] == SHARED_GROUP.encode()
    ]


class TestResults:
    def test_the_latest_result_is_kept_for_who_comes_late(
        self, consumer: WorkerProcess, publisher: Publisher, store: redis.Redis, auction: int
    ) -> None:
        publisher.publish(result(auction, 100), result(auction, 200))
        eventually_sync(lambda: price(store, auction) == 200, "the second result is the latest")
        assert latest(store, auction) == {**result(auction, 200), "winnerName": ""}

    def test_a_record_of_a_newer_schema_is_read_by_the_schema_it_was_written_with(
        self, consumer: WorkerProcess, publisher: Publisher, store: redis.Redis, auction: int
    ) -> None:
        schema: dict[str, Any] = json.loads(_registered(publisher, f"{TOPIC}-value"))
        newer = {
            **schema,
            "name": "AuctionResultV2",
            "fields": [{"name": "currency", "type": "string"}, *schema["fields"]],
        }
        publisher.send(publisher.encode_as(newer, {**result(auction, 300), "currency": "VND"}), str(auction))
        publisher.flush()
        eventually_sync(lambda: price(store, auction) == 300, "the result is kept")

    def test_lag_and_throughput_are_told(
        self, consumer: WorkerProcess, publisher: Publisher, store: redis.Redis, auction: int
    ) -> None:
        publisher.publish(*(result(auction, number) for number in range(50)))
        eventually_sync(lambda: price(store, auction) == 49, "delivered")
        eventually_sync(lambda: set(consumer.summary()["lag"].values()) == {0}, "no lag is left")
        assert consumer.summary()["per_second"] > 0
        assert consumer.metric("auction_results_records_total") >= 50
        assert consumer.metric("auction_results_ready") == 1
        assert consumer.metric("redis_call_seconds_count") >= 50, "each result is handed to the channel layer"
        assert consumer.metric("process_open_fds") > 0


class TestUnreadableRecords:
    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (b"not avro at all", "the first byte is"),
            (b"\0\0", "too few"),
            (None, "null"),
            (b"\0\x7f\xff\xff\xff" + b"x", "no schema"),
        ],
    )
    def test_they_are_set_aside_as_they_came_and_the_flow_goes_on(
        self,
        consumer: WorkerProcess,
        publisher: Publisher,
        kafka: EmbeddedKafka,
        store: redis.Redis,
        auction: int,
        value: bytes | None,
        reason: str,
    ) -> None:
        publisher.send(value, str(auction), headers={"trace": b"abc"})
        publisher.publish(result(auction, 400))
        eventually_sync(lambda: price(store, auction) == 400, "the result behind it is delivered")
        [letter] = dead_letters(kafka, str(auction))
        assert letter.value() == value
        headers = dict(letter.headers() or [])
        assert headers["trace"] == b"abc"
        assert reason in bytes(headers["dlq.reason"]).decode()  # type: ignore[arg-type]
        assert headers["dlq.topic"] == TOPIC.encode()
        assert {"dlq.partition", "dlq.offset", "dlq.timestamp"} <= headers.keys()
        assert consumer.metric("auction_results_dead_letters_total") >= 1
        assert consumer.summary()["dead_letters"] >= 1

    def test_one_as_large_as_brokers_take_is_kept_whole(
        self, consumer: WorkerProcess, publisher: Publisher, kafka: EmbeddedKafka, auction: int
    ) -> None:
        """Brokers take 1,048,588 bytes unless told otherwise; clients send fewer unless told otherwise."""
        value = b"x" * 1_040_000
        publisher.send(value, str(auction))
        publisher.flush()
        [letter] = dead_letters(kafka, str(auction))
        assert letter.value() == value

    def test_a_value_that_is_another_thing_is_one(
        self, consumer: WorkerProcess, publisher: Publisher, kafka: EmbeddedKafka, store: redis.Redis, auction: int
    ) -> None:
        other = {"type": "record", "name": "Other", "fields": [{"name": "id", "type": "string"}]}
        publisher.send(publisher.encode_as(other, {"id": "x"}), str(auction))
        publisher.publish(result(auction, 500))
        eventually_sync(lambda: price(store, auction) == 500, "the result behind it is delivered")
        [letter] = dead_letters(kafka, str(auction))
        assert b"no auction result" in bytes(dict(letter.headers() or [])["dlq.reason"])  # type: ignore[arg-type]


class TestWhatStandsInTheWay:
    def test_results_wait_for_a_registry_that_is_away(
        self, new_consumer: NewConsumer, publisher: Publisher, kafka: EmbeddedKafka, store: redis.Redis, auction: int
    ) -> None:
        port = free_port()
        consumer = new_consumer(SCHEMA_REGISTRY_URL=f"http://127.0.0.1:{port}")
        publisher.publish(result(auction, 600))
        consumer.start()
        eventually_sync(lambda: "delivery" in consumer.summary().get("problems", {}), "the trouble is told")
        assert consumer.summary()["status"] == "unavailable"
        with forwarded(port, kafka.port):
            eventually_sync(lambda: price(store, auction) == 600, "the result is delivered")
            eventually_sync(lambda: consumer.summary()["status"] == "ok", "it is ready again")
        assert consumer.summary()["last_error"]["where"] == "delivery"

    def test_results_wait_for_a_redis_that_is_away(
        self, new_consumer: NewConsumer, publisher: Publisher, auction: int, tmp_path: Any
    ) -> None:
        redis_server = EmbeddedRedis(tmp_path)
        consumer = new_consumer(REDIS_ADDRESS=redis_server.address)
        publisher.publish(result(auction, 700))
        consumer.start()
        eventually_sync(lambda: "delivery" in consumer.summary().get("problems", {}), "the trouble is told")
        redis_server.start()
        try:
            with redis.Redis.from_url(redis_server.address, decode_responses=True) as store:
                eventually_sync(lambda: price(store, auction) == 700, "the result is delivered")
            consumer.stop()
        finally:
            redis_server.stop()


class TestStoppingAndStartingAgain:
    def test_sigterm_commits_what_was_emitted_and_ends_with_0(
        self, new_consumer: NewConsumer, publisher: Publisher, store: redis.Redis, auction: int
    ) -> None:
        first = new_consumer()
        first.start_ready()
        publisher.publish(result(auction, 800))
        eventually_sync(lambda: price(store, auction) == 800, "delivered")
        assert first.stop() == 0
        store.delete(f"auctions:latest:{auction}")
        publisher.publish(result(auction + 100_000, 801))
        again = new_consumer()
        again.start_ready()
        eventually_sync(lambda: price(store, auction + 100_000) == 801, "the next one is delivered")
        assert price(store, auction) is None, "what was committed is not delivered again"

    def test_what_came_while_it_was_killed_is_delivered_when_it_is_back(
        self, new_consumer: NewConsumer, publisher: Publisher, store: redis.Redis, auction: int
    ) -> None:
        consumer = new_consumer()
        consumer.start_ready()
        publisher.publish(result(auction, 900))
        eventually_sync(lambda: price(store, auction) == 900, "delivered")
        assert consumer.process is not None
        consumer.process.send_signal(signal.SIGKILL)
        consumer.process.wait()
        publisher.publish(result(auction, 901))
        consumer.start()
        eventually_sync(lambda: price(store, auction) == 901, "delivered by the next run")
