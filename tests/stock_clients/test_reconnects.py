"""What takes a connection away, who notices, and that the client comes back by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.clients.client import GENERATIONS, Client, Refused, Unreachable
from tests.clients.network import Network
from tests.clients.raw import RawSocket

from .application import PATH
from .conftest import BY_ITSELF, DEFAULT, POLLING, WEBSOCKET, Connect
from .process import Process

IMPATIENT = {"ping_interval": 0.6, "ping_timeout": 0.8}
CUT = {"transport close", "transport error"}

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture(loop_scope="session")
async def impatient(processes: Callable[..., Awaitable[Process]]) -> Process:
    """A server that wants to hear of its clients often."""
    return await processes("impatient", **IMPATIENT)


@pytest_asyncio.fixture(loop_scope="session")
async def network(impatient: Process) -> AsyncIterator[Network]:
    """The way to the impatient server."""
    async with Network(impatient.url) as network:
        yield network


async def test_clients_come_back_to_a_server_that_was_killed(
    processes: Callable[..., Awaitable[Process]], connect: Connect
) -> None:
    """By `kill -9`, and started again on its port. What they send meanwhile arrives then, in order."""
    victim = await processes("victim")
    clients = [
        await connect(version, to=victim.url, transports=transports, options=BY_ITSELF)
        for version in GENERATIONS
        for transports in (DEFAULT, POLLING, WEBSOCKET)
    ]
    for client in clients:
        await client.ask("ack")
    before = [client.socket_id for client in clients]
    await victim.kill()
    for client in clients:
        assert await client.disconnected() in CUT
        for number in range(5):
            client.emit("echo", number, b"binary")
    await victim.start()
    for client, old_id in zip(clients, before, strict=True):
        await client.reconnected(within=20)
        assert [await client.expect("echo") for _ in range(5)] == [0, 1, 2, 3, 4]
        assert client.socket_id != old_id


async def test_clients_come_back_after_the_network_was_cut(
    version: str, transports: tuple[str, ...], impatient: Process, network: Network, connect: Connect
) -> None:
    """Both sides notice at once."""
    watcher = await connect(to=impatient.url)
    await watcher.ask("enter", "watchers")
    client = await connect(version, to=network.url, transports=transports, options=BY_ITSELF)
    await _settled(client, transports)
    old_id = client.socket_id
    network.cut()
    assert await client.disconnected() in CUT
    assert (await watcher.expect("left", id=old_id, within=3))["reason"] in CUT
    client.emit("echo", "kept by the client")
    with pytest.raises((Unreachable, Refused)):  # 2.x has one event for both
        await client.connected()
    network.mend()
    await client.reconnected()
    assert await client.expect("echo") == "kept by the client"
    await _settled(client, transports)


async def test_both_sides_notice_a_network_that_went_silent(
    version: str, transports: tuple[str, ...], impatient: Process, network: Network, connect: Connect
) -> None:
    """By the pings that do not come: no connection was closed. The client comes back when the network does."""
    watcher = await connect(to=impatient.url)
    await watcher.ask("enter", "watchers")
    options = BY_ITSELF | {"timeout": 500}
    client = await connect(version, to=network.url, transports=transports, options=options)
    await _settled(client, transports)
    old_id = client.socket_id
    network.silence()
    assert await client.disconnected(within=5) == "ping timeout"
    assert (await watcher.expect("left", id=old_id, within=5))["reason"] == "ping timeout"
    network.mend()
    await client.reconnected()
    assert await client.ask("ack", "back") == "back"
    assert client.socket_id != old_id


async def test_clients_that_have_nothing_to_say_stay(impatient: Process, connect: Connect) -> None:
    """For four rounds of pings, of either direction."""
    clients = [
        await connect(version, to=impatient.url, transports=transports, options=BY_ITSELF)
        for version in GENERATIONS
        for transports in (DEFAULT, POLLING, WEBSOCKET)
    ]
    async with RawSocket(impatient.url, engine=4, path=PATH) as pinged:
        for _ in range(4):
            await pinged.receive_packet("2")
            await pinged.send("3")
    for client in clients:
        assert await client.ask("ack", "here") == "here"
        assert len(client.received("welcome")) == 1, "it was connected once"


async def _settled(client: Client, transports: tuple[str, ...]) -> None:
    """Return when the client talks by the last of its transports, and, where it polls, waits for an answer."""
    await client.travels_by(transports[-1])
    await client.ask("ack")
    if transports[-1] == "polling":
        await asyncio.sleep(0.1)  # nobody tells that its next poll waits in the server


async def test_the_server_knows_how_a_client_was_connected_and_left(version: str, connect: Connect) -> None:
    """2.x, 3.x and 4.x close their WebSocket without a code (1005); a poll that is broken off has none."""
    watcher = await connect()
    await watcher.ask("enter", "watchers")
    upgrading = await connect(version, transports=DEFAULT)
    assert await upgrading.expect("upgraded") == "websocket"
    await upgrading.travels_by("websocket")
    polling = await connect(version, transports=POLLING)
    for client, code in ((upgrading, 1005), (polling, None)):
        client.drop()
        await watcher.expect("left", id=client.socket_id, reason="transport close", code=code)
    assert polling.received("upgraded") == []
