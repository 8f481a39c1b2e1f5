"""The consumer of auction results. An offset is committed only after its result was emitted.

librdkafka's client is used by one thread of its own; the event loop delivers. While the registry or Redis is away, the
partitions are paused, and the consumer stays a member of its group.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from redis.exceptions import RedisError

from auctions.dead_letters import DeadLetters
from auctions.delivery import Delivery
from auctions.results import TOPIC, AuctionResult
from kafka_workers.broker_state import BrokerState
from kafka_workers.clients import client_configuration
from kafka_workers.configuration import KafkaSettings
from kafka_workers.wire_format import AvroDecoder, RegistryUnavailable, registry
from workers.report import WorkerReport

logger = logging.getLogger(__name__)

BATCH = 200
POLL = 0.5
"""Seconds that one poll waits for a record, and so the longest time until `stop` is noticed."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
_DENIED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
TRANSIENT_ERRORS = (RegistryUnavailable, RedisError, OSError)

Done = TypeVar("Done")


class AuctionConsumer:
    """One member of the consumer group.

        asyncio.run(AuctionConsumer(WorkerReport("auction_results", "records"), stop_on_signals()).run())

    Args:
        report: Where it reports its state, its lag and its failures.
        stop: Set it to end the consumer.
    """

    def __init__(self, report: WorkerReport, stop: threading.Event) -> None:
        self._report = report
        self._stop = stop
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-consumer")
        self._buffered: list[Message] = []
        self._brokers = BrokerState(report)
        self._consumer = Consumer(
            client_configuration(
                **{
                    "group.id": KafkaSettings.current().CONSUMER_GROUP_ID,
                    # A group without offsets begins with what the topic still has: better old news than lost ones.
                    "auto.offset.reset": "earliest",
                    # What is committed, once a second and when a partition goes, is what was stored: what was emitted.
                    "enable.auto.commit": True,
                    "auto.commit.interval.ms": 1000,
                    "enable.auto.offset.store": False,
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": 10_000,
                    "topic.metadata.refresh.interval.ms": 10_000,  # a topic that is made later is found by then
                    "error_cb": self._brokers.on_error,
                    "stats_cb": self._on_statistics,
                }
            )
        )
        self._delivery = Delivery(AvroDecoder(registry()), DeadLetters(report), report)

    async def run(self) -> None:
        """Consume until `stop` is set. What was emitted by then is committed."""
        try:
            await self._in_thread(lambda: self._consumer.subscribe([TOPIC], on_assign=self._on_assign))
            self._report.enter("consuming")
            while not self._stop.is_set():
                records = await self._in_thread(self._next)
                if records and await self._deliver(records):
                    await self._in_thread(partial(self._store_offsets, records))
                    self._report.handled(len(records), TOPIC)
        finally:
            await self._in_thread(self._consumer.close)  # commits what was stored, and leaves the group at once
            await self._delivery.close()
            self._thread.shutdown()

    async def _deliver(self, records: Sequence[Message]) -> bool:
        """Deliver records, however long it takes. False: stopped before they were delivered."""
        results = await self._retry(lambda: self._in_thread(lambda: self._delivery.read(records)))
        if results is None:
            return False
        return await self._retry(lambda: self._emitted(results)) is not None

    async def _emitted(self, results: Sequence[tuple[Message, AuctionResult]]) -> bool:
        await self._delivery.deliver(results)
        return True

    async def _retry(self, attempt: Callable[[], Awaitable[Done]]) -> Done | None:
        """Repeat an attempt until it succeeds. None: stopped before that."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            try:
                done = await attempt()
            except TRANSIENT_ERRORS as error:
                if self._report.failed("delivery", f"{type(error).__name__}: {error}"):
                    logger.warning("results cannot be delivered, and wait: %s", error)
                await self._in_thread(partial(self._keep_in_group, pause))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                if self._report.recovered("delivery"):
                    logger.info("results are delivered again")
                return done
        return None

    async def _in_thread(self, work: Callable[[], Done]) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # In the consumer's thread

    def _next(self) -> list[Message]:
        """The records that have come. It waits for the first one only."""
        records, self._buffered = self._buffered, []
        if not records:
            self._resume()
            first = self._consumer.poll(POLL)
            records = [] if first is None else [first, *self._consumer.consume(BATCH - 1, 0)]
        good = [record for record in records if not self._is_error(record)]
        if good:
            self._report.recovered("authorization")
        return good

    def _keep_in_group(self, seconds: float) -> None:
        """Poll paused partitions: a member that does not poll is removed from its group after some minutes."""
        self._consumer.pause(self._consumer.assignment())
        record = self._consumer.poll(seconds)
        if record is not None:  # of a partition that has just been assigned
            self._buffered.append(record)

    def _resume(self) -> None:
        self._consumer.resume(self._consumer.assignment())

    def _is_error(self, record: Message) -> bool:
        error = record.error()
        if error is None:
            return False
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._report.enter(f"waiting for {TOPIC}, which does not exist")
            logger.warning("%s does not exist; waiting for it", TOPIC)
        elif error.code() in _DENIED:  # the brokers answer, so `BrokerState` would report a recovery
            if self._report.failed("authorization", error.str()):
                logger.warning("Kafka: %s", error.str())
        else:
            self._brokers.on_error(error)
        return True

    def _store_offsets(self, records: Sequence[Message]) -> None:
        after = {(record.topic(), record.partition()): (record.offset() or 0) + 1 for record in records}
        for (topic, partition), offset in after.items():
            try:
                self._consumer.store_offsets(offsets=[TopicPartition(topic or TOPIC, partition or 0, offset)])
            except KafkaException as error:  # the partition was revoked: its next consumer emits the result again
                logger.info("partition %s went elsewhere before its offset %s was stored: %s", partition, offset, error)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._report.enter("consuming")
        if partitions:  # a group without any may lack the right to see the topic
            self._report.recovered("authorization")
        logger.info("partitions assigned: %s", [partition.partition for partition in partitions])

    def _on_statistics(self, text: str) -> None:
        lag = self._brokers.on_statistics(text).lag
        self._report.lags({f"partition {partition}": behind for partition, behind in lag.items()})
