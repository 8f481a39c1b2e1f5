"""Auction results on sockets: from Kafka to clients of every generation, in both namespaces."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from devstack.embedded import EmbeddedKafka
from tests.auctions.publisher import Publisher, result
from tests.clients.client import Client, Refused
from tests.clients.driver import Driver
from tests.workers.worker_process import WorkerProcess

from .cluster import Cluster
from .people import new_buyer
from .server_process import ServerProcess

ONE = "/v1/conversations/auction-result-events"
SEVERAL = "/v1/conversations/auction-result-list-events"
_numbers = itertools.count(int(time.time()) % 100_000 * 100)

pytestmark = pytest.mark.slow


@pytest.fixture
def auction() -> int:
    """An auction of the test's own."""
    return next(_numbers)


@pytest.fixture(scope="session")
def publisher(kafka: EmbeddedKafka) -> Publisher:
    """The auction service."""
    return Publisher(kafka.bootstrap_servers, kafka.address)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def consumer(
    kafka: EmbeddedKafka, publisher: Publisher, stores: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WorkerProcess]:
    """The process that reads results."""
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "SCHEMA_REGISTRY_URL": kafka.address,
        "CONSUMER_GROUP_ID": "end to end",
        "MONGODB_URI": stores[0],
        "REDIS_ADDRESS": stores[1],
    }
    worker = WorkerProcess("consume_auction_results", tmp_path_factory.mktemp("results") / "log", environment)
    await asyncio.to_thread(worker.start_ready)
    yield worker
    await asyncio.to_thread(worker.stop)


def watching(driver: Driver, server: ServerProcess, version: str, namespace: str, **query: Any) -> Client:
    query.setdefault("token", new_buyer().token())
    return Client(driver, version=version, url=server.url, namespace=namespace, query=query)


async def test_who_watches_an_auction_gets_its_results_and_no_others(
    driver: Driver, server: ServerProcess, consumer: WorkerProcess, publisher: Publisher, version: str, auction: int
) -> None:
    async with watching(driver, server, version, ONE, auction_id=str(auction)) as client:
        await asyncio.to_thread(
            publisher.publish, result(next(_numbers), 1), result(auction, 100), result(auction, 200)
        )
        assert await client.expect("new_auction_result", currentPrice=200) == result(auction, 200)
        assert client.received("new_auction_result") == [result(auction, 100), result(auction, 200)]


async def test_who_watches_several_gets_the_results_of_each_with_the_winners_name(
    driver: Driver, server: ServerProcess, consumer: WorkerProcess, publisher: Publisher, version: str, auction: int
) -> None:
    other = next(_numbers)
    async with watching(driver, server, version, SEVERAL, auction_ids=f"{auction},{other}") as client:
        await asyncio.to_thread(publisher.publish, result(auction, 100), result(other, 300))
        assert await client.expect("new_auction_result", id=other) == {**result(other, 300), "winnerName": ""}
        assert await client.expect("new_auction_result", id=auction) == {**result(auction, 100), "winnerName": ""}


async def test_who_comes_late_gets_the_latest_result_at_once(
    driver: Driver, server: ServerProcess, consumer: WorkerProcess, publisher: Publisher, version: str, auction: int
) -> None:
    async with watching(driver, server, version, ONE, auction_id=str(auction)) as early:
        await asyncio.to_thread(publisher.publish, result(auction, 100), result(auction, 200))
        await early.expect("new_auction_result", currentPrice=200)
    async with watching(driver, server, version, ONE, auction_id=str(auction)) as late:
        assert await late.expect("new_auction_result") == result(auction, 200)
    async with watching(driver, server, version, SEVERAL, auction_ids=str(auction)) as late:
        assert await late.expect("new_auction_result") == {**result(auction, 200), "winnerName": ""}


@pytest.mark.parametrize(
    ("namespace", "query"),
    [
        (ONE, {}),
        (ONE, {"auction_id": " "}),
        (ONE, {"auction_id": "1", "token": ""}),
        (ONE, {"auction_id": "1", "token": "forged"}),
        (SEVERAL, {"auction_ids": ","}),
        (SEVERAL, {"auction_ids": ",".join(map(str, range(501)))}),
    ],
)
async def test_without_a_good_token_or_an_auction_nobody_is_let_in(
    driver: Driver, server: ServerProcess, version: str, namespace: str, query: dict[str, str]
) -> None:
    with pytest.raises(Refused, match="Unauthorization or Missing auction id"):
        async with watching(driver, server, version, namespace, **query):
            pass


async def test_a_socket_whose_token_expires_is_disconnected(
    driver: Driver, server: ServerProcess, version: str, auction: int
) -> None:
    token = new_buyer().token(seconds=2)
    async with watching(driver, server, version, ONE, auction_id=str(auction), token=token) as client:
        assert await client.disconnected() == "io server disconnect"


@pytest.mark.parametrize("namespace", [ONE, SEVERAL])
async def test_while_auth_mode_reports_any_token_lets_its_bearer_watch(
    driver: Driver, cluster: Cluster, consumer: WorkerProcess, publisher: Publisher, namespace: str, auction: int
) -> None:
    """Each one let pass is a line in the log. No token, or no auction, is refused as ever."""
    reporting = await cluster.server("reporting", AUTH_MODE="report")
    before = reporting.log_size()
    query = {"auction_id": str(auction), "auction_ids": str(auction)}
    async with watching(driver, reporting, "2.3.1", namespace, token="any non-empty token", **query) as client:
        await asyncio.to_thread(publisher.publish, result(auction, 100))
        assert (await client.expect("new_auction_result"))["currentPrice"] == 100
    assert "token_invalid" in reporting.log_since(before)
    for wrong in ({**query, "token": ""}, {"token": "any non-empty token"}):
        with pytest.raises(Refused, match="Unauthorization or Missing auction id"):
            async with watching(driver, reporting, "2.3.1", namespace, **wrong):
                pass


async def test_while_auth_mode_reports_an_expired_token_disconnects_nobody(
    driver: Driver, cluster: Cluster, consumer: WorkerProcess, publisher: Publisher, auction: int
) -> None:
    reporting = await cluster.server("reporting", AUTH_MODE="report")
    expired = new_buyer().token(seconds=-1)
    async with watching(driver, reporting, "4.8", ONE, auction_id=str(auction), token=expired) as client:
        await asyncio.to_thread(publisher.publish, result(auction, 100))
        assert (await client.expect("new_auction_result"))["currentPrice"] == 100
