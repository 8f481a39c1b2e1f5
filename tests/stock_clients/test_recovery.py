"""Connection state recovery as the stock client sees it: by any transport, again and again, on whichever process."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.client import Client, Unreachable
from tests.clients.network import Network
from tests.eventually import eventually

from .conftest import BY_ITSELF, DEFAULT, WEBSOCKET, Connect
from .process import Process

OPTIONS = {"max_disconnection_duration": 60.0}
PACE = 0.002  # seconds between two events of a client that has much to say

pytestmark = pytest.mark.slow


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes with recovery on."""
    directory = tmp_path_factory.mktemp("recovery")
    redis = f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/9"
    pair = Process(directory, redis, OPTIONS, "stock-recovery"), Process(directory, redis, OPTIONS, "stock-recovery")
    for process in pair:
        await process.start()
    yield pair
    for process in pair:
        await process.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def balancer(two: tuple[Process, Process]) -> AsyncIterator[Network]:
    async with Network(*(process.url for process in two)) as balancer:
        yield balancer


async def test_a_client_comes_back_by_any_transport_again_and_again(
    transports: tuple[str, ...], two: tuple[Process, Process], connect: Connect
) -> None:
    """Three times, to the other process each time or to its own; with default transports it is polling then."""
    speaker = await connect(to=two[1].url)
    async with Network(two[0].url) as network:
        client = await connect(to=network.url, transports=transports, options=BY_ITSELF)
        await client.ask("enter", "hall")
        first_id = client.socket_id
        for turn in range(3):
            await speaker.ask("say", "hall", f"{turn} here")
            await client.expect("said", within=5)
            network.cut()
            await client.disconnected()
            await speaker.ask("say", "hall", f"{turn} missed")
            network.mend()
            await _back(client)
            assert client.recovered
            assert client.socket_id == first_id
            await client.expect("said", within=5)
    assert client.received("said") == [f"{turn} {what}" for turn in range(3) for what in ("here", "missed")]
    assert len(client.received("welcome")) == 1


async def test_a_client_that_never_got_an_event_comes_back_without_sticky_sessions(
    transports: tuple[str, ...], balancer: Network, connect: Connect, room: str
) -> None:
    """Every request of it goes to the other process than the one before."""
    speaker = await connect(to=balancer.url, namespace=room)
    client = await connect(to=balancer.url, namespace=room, transports=transports, options=BY_ITSELF)
    first_id = client.socket_id
    for turn in range(3):
        client.drop()
        speaker.emit("say", turn)
        await speaker.expect("said")
        await _back(client)
        assert client.recovered
        assert client.socket_id == first_id
        await client.expect("said", within=5)
    assert client.received("said") == [0, 1, 2]


async def test_each_namespace_of_a_connection_comes_back(
    transports: tuple[str, ...], two: tuple[Process, Process], connect: Connect, room: str
) -> None:
    """With what it missed, and nothing of the others."""
    speaker = await connect(to=two[1].url)
    speaker_there = await connect(namespace=room, beside=speaker)
    async with Network(two[0].url) as network:
        client = await connect(to=network.url, transports=transports, options=BY_ITSELF)
        there = await connect(namespace=room, beside=client)
        await client.ask("enter", "hall")
        ids = client.socket_id, there.socket_id
        await there.ask("where")
        network.cut()
        for each in (client, there):
            await each.disconnected()
        await speaker.ask("say", "hall", "in the hall")
        speaker_there.emit("say", "there")
        await speaker_there.expect("said")
        network.mend()
        for each in (client, there):
            await _back(each)
            assert each.recovered
            await each.expect("said")
        assert (client.socket_id, there.socket_id) == ids
        assert (client.received("said"), there.received("said")) == (["in the hall"], ["there"])


async def test_a_process_that_is_stopped_leaves_its_clients_to_the_other(
    transports: tuple[str, ...], two: tuple[Process, Process], balancer: Network, connect: Connect
) -> None:
    speaker = await connect(to=two[1].url)
    clients = [await connect(to=balancer.url, transports=transports, options=BY_ITSELF) for _ in range(4)]
    ids = [client.socket_id for client in clients]
    for client in clients:
        await client.ask("enter", "hall")
    await two[0].stop()
    for number in range(5):
        await speaker.ask("say", "hall", number)
    for client, old_id in zip(clients, ids, strict=True):
        for _ in range(5):
            await client.expect("said")
        assert client.received("said") == [0, 1, 2, 3, 4]
        assert client.socket_id == old_id
    await two[0].start()


async def test_kills_under_load_leave_no_gap_and_refuse_nobody(
    two: tuple[Process, Process], balancer: Network, connect: Connect
) -> None:
    """Twice `kill -9` of a process that emits as fast as it can: all its clients come back at once, to the one that
    heard its last envelope, with all that was heard there. Between all of them nothing is in two orders.
    """
    mortal, survivor = two
    witness = await connect(to=survivor.url, transports=WEBSOCKET)
    await witness.ask("enter", "load")
    for turn in range(2):
        clients = [await connect(to=balancer.url, transports=DEFAULT, options=BY_ITSELF) for _ in range(8)]
        ids = [client.socket_id for client in clients]
        for client in clients:
            await client.ask("enter", "load")
        mark = len(witness.received("said"))
        speakers = [await connect(to=process.url, transports=WEBSOCKET) for process in two]
        numbers = itertools.count()
        talking = asyncio.create_task(_talk(speakers, turn, numbers))
        await eventually(lambda: len(witness.received("said")) >= mark + 300)  # noqa: B023  asked now
        await mortal.kill()
        for number in range(20):
            await speakers[1].ask("say", "load", [turn, "after", number])
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await speakers[1].ask("say", "load", [turn, "end", 0])
        for each in (witness, *clients):
            while (await each.expect("said", within=20)) != [turn, "end", 0]:
                pass
        expected = [what for what in witness.received("said") if what[0] == turn]
        for client, old_id in zip(clients, ids, strict=True):
            heard = client.received("said")
            assert client.socket_id == old_id, "it is the socket that it was"
            assert {tuple(what) for what in expected} <= {tuple(what) for what in heard}
            for speaker in {what[1] for what in heard}:
                own = [what[2] for what in heard if what[1] == speaker]
                assert own == sorted(set(own)), "once, and in the order emitted"
        await mortal.start()


async def _back(client: Client) -> None:
    """Return when the client has connected again, however often it failed before."""
    while True:
        try:
            return await client.connected(within=20)
        except Unreachable:
            pass


async def _talk(speakers: list[Client], turn: int, numbers: Any) -> None:
    for number in numbers:
        for name, speaker in zip(("mortal", "survivor"), speakers, strict=True):
            speaker.emit("say", "load", [turn, name, number])
        await asyncio.sleep(PACE)


@pytest.fixture
def room() -> str:
    """A namespace that sends nothing of itself."""
    return f"/room-{next(_rooms)}"


_rooms = itertools.count(7000)
