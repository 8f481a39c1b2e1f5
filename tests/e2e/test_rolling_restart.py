"""A deployment: three processes behind a load balancer are restarted one after the other, and people write meanwhile.

The balancer knows nothing of `/readyz`: it offers new connections to the process that drains, too, which is the worst
that one can do.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.driver import Driver
from tests.clients.network import Network
from tests.eventually import eventually
from tests.faults.findings import Findings, Instants, take_messages
from tests.faults.system import FROM_ONE_ADDRESS
from tests.faults.traffic import Traffic

from .cluster import Cluster
from .conftest import Stored

pytestmark = pytest.mark.slow

NAMES = ("first", "second", "third")
PAIRS = 6
TRANSPORTS = (("websocket",), ("polling",), ("polling", "websocket"))
"""Without affinity most requests that poll reach another process than the session's, and most WebSockets that a
polling client changes over to are carried by another one."""
BACK_WITHIN = 15.0  # seconds; a client's longest pause between two attempts is 5


@pytest_asyncio.fixture(params=[True, False], ids=["recovery", "no-recovery"], loop_scope="session")
async def restarted(
    request: pytest.FixtureRequest, stores: tuple[str, str], tmp_path: Path
) -> AsyncIterator[tuple[Cluster, bool]]:
    """Three processes, in a Redis database of their own, and whether their clients recover."""
    mongodb, redis = stores
    async with Cluster(mongodb, f"{redis.rpartition('/')[0]}/{4 + request.param}", tmp_path) as cluster:
        cluster.environment |= FROM_ONE_ADDRESS
        if request.param:
            cluster.environment["MAX_DISCONNECTION_DURATION"] = "120"
        await asyncio.gather(*(cluster.server(name) for name in NAMES))
        yield cluster, request.param


async def test_a_rolling_restart_under_load_costs_no_message(
    driver: Driver, database: Stored, restarted: tuple[Cluster, bool]
) -> None:
    """Pairs of clients 2.3.1 and of 4.8, by each transport: what is acknowledged is stored once, and both sides know it
    in the end.
    """
    cluster, recovery = restarted
    servers = [await cluster.server(name) for name in NAMES]
    findings = Findings("A rolling restart", recovery)
    async with (
        Network(*(server.url for server in servers)) as balancer,
        Traffic(driver, database, [balancer], PAIRS, TRANSPORTS) as traffic,
    ):
        await traffic.take_tokens()
        present = [device for device in traffic.devices() if device.connected]
        began = time.monotonic()
        for server in servers:
            await asyncio.to_thread(server.stop)
            await server.start()
        await eventually(lambda: all(device.connected for device in present), "all are back", within=BACK_WITHIN)
        ended = time.monotonic()
        findings.unanswered = await traffic.silence(within=30)
        await asyncio.sleep(1)
        findings.not_synced = await traffic.not_synced()
        take_messages(findings, traffic, database, Instants(began, began, ended))
    assert findings.broken() == {}, findings
    assert findings.acked == findings.messages > 100, findings
    again = [connection for device in present for connection in device.connections[1:]]
    assert len(again) >= len(present), "each was moved at least once"
    newer = [device for device in present if device.client.version == "4.8"]
    recovered = {connection.recovered for device in newer for connection in device.connections[1:]}
    assert recovered == {recovery}, "and then misses nothing, says `broken`"
    told_offline = [room for device in present for room in device.told_offline]
    assert told_offline == [], "who comes back is not shown as offline"
