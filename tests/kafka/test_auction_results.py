"""Results in, on a real broker: two consumers share 5,000, one of them and the broker are killed in the middle."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from auctions.results import TOPIC
from devstack.embedded import EmbeddedKafka
from tests.auctions.publisher import Publisher, result
from tests.eventually import eventually_sync
from tests.workers.worker_process import WorkerProcess

from .broker import Broker
from .emitted import Emitted

AUCTIONS, BIDS = 50, 100  # 5,000 results

NewConsumer = Callable[[], WorkerProcess]


@pytest.fixture
def new_consumer(redis_server: None, broker: Broker, kafka: EmbeddedKafka, tmp_path: Path) -> Iterator[NewConsumer]:
    """Makes consumers of one group; the registry is the embedded one's."""
    made: list[WorkerProcess] = []

    def new() -> WorkerProcess:
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "SCHEMA_REGISTRY_URL": kafka.address,
            "CONSUMER_GROUP_ID": tmp_path.name,
        }
        made.append(WorkerProcess("consume_auction_results", tmp_path / f"consumer{len(made)}.log", environment))
        return made[-1]

    yield new
    for worker in made:
        worker.stop()


def partitions(worker: WorkerProcess) -> set[str]:
    """The partitions that a consumer has, as its report names them."""
    return set(worker.summary().get("lag", {}))


def test_results_survive_the_death_of_a_consumer_and_of_the_broker(
    broker: Broker, kafka: EmbeddedKafka, new_consumer: NewConsumer
) -> None:
    broker.make_topic(TOPIC)
    publisher = Publisher(broker.bootstrap_servers, kafka.address)
    first, second = new_consumer(), new_consumer()
    first.start_ready()
    publisher.publish(*(result(auction, 0) for auction in range(AUCTIONS)))
    eventually_sync(lambda: len(partitions(first)) == 6, "the first consumer has all partitions")
    second.start_ready()
    eventually_sync(lambda: len(partitions(first)) == len(partitions(second)) == 3, "they share the partitions")
    assert not partitions(first) & partitions(second)

    go_on = threading.Semaphore(0)

    def publish() -> None:
        for bid in range(1, BIDS):
            if bid in (BIDS // 3, 2 * BIDS // 3):
                go_on.acquire(timeout=60)
            publisher.publish(*(result(auction, bid) for auction in range(AUCTIONS)))

    with Emitted() as emitted:
        thread = threading.Thread(target=publish)
        thread.start()
        eventually_sync(lambda: len(emitted.results) > 500, "the first results")
        second.kill()
        go_on.release()
        eventually_sync(lambda: len(partitions(first)) == 6, "the first one has taken over")
        eventually_sync(lambda: len(emitted.results) > 2500, "results of all partitions")
        broker.kill()
        go_on.release()
        eventually_sync(lambda: first.summary()["status"] == "unavailable", "the consumer has noticed")
        broker.start()
        second.start()
        wanted = {(auction, bid) for auction in range(AUCTIONS) for bid in range(1, BIDS)}
        eventually_sync(lambda: wanted <= set(emitted.results), "all results", within=90)
        thread.join()

    once = list(dict.fromkeys(emitted.results))
    for auction in range(AUCTIONS):
        bids = [bid for one, bid in once if one == auction]
        assert bids == sorted(bids), f"auction {auction} in order"
    with redis.Redis.from_url(os.environ["REDIS_ADDRESS"]) as store:
        latest = [store.hget(f"auctions:latest:{auction}", "result") for auction in range(AUCTIONS)]
    assert all(f'"currentPrice":{BIDS - 1},'.encode() in bytes(text or b"") for text in latest)
    print(f"\n{len(emitted.results)} emits for {len(wanted)} results")
