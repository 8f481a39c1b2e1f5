"""Three processes behind a balancer without affinity, one of them stopped and started again in the middle."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest

from tests.clients.client import GENERATIONS, Client
from tests.e2e.round_robin import RoundRobin

from .application import PATH
from .conftest import BY_ITSELF, DEFAULT, Connect
from .process import Process

EACH = 10  # clients of each generation
EVENTS = 200  # each way, for each client
STOP, STARTED = 40, 150  # events before the stop, and before which it must be up again
PACE = 0.025  # seconds between two events of a client

pytestmark = pytest.mark.slow


async def test_a_process_is_stopped_and_started_under_thirty_clients(
    processes: Callable[..., Awaitable[Process]], connect: Connect
) -> None:
    """Sessions that neither live in the process nor have their WebSocket there notice nothing. The others reconnect by
    themselves, and what they sent is handled at most once, in order, and exactly once where it was acked.
    """
    three = [await processes(name) for name in ("first", "second", "third")]
    stopped = three[1]
    async with RoundRobin([process.url for process in three]) as balancer:
        clients = {
            f"{version} {number}": await connect(version, to=balancer.url, options=BY_ITSELF)
            for number in range(EACH)
            for version in GENERATIONS
        }
        metronome = await connect(to=three[0].url, transports=("websocket",))
        involved = {who for who, client in clients.items() if stopped.name in await _processes(client, stopped)}
        assert 0 < len(involved) < len(clients)

        restart: asyncio.Task[None] | None = None
        acks: dict[str, list[asyncio.Future[list[int]]]] = {who: [] for who in clients}
        for number in range(EVENTS):
            for who, client in clients.items():
                acks[who].append(client.ask_later("count", who, number))
            metronome.emit("say", None, number)
            if number == STOP:
                restart = asyncio.create_task(_restart(stopped))
            if number == STARTED and restart is not None:
                await restart
                await asyncio.gather(*(_is_back(clients[who]) for who in involved))
            await asyncio.sleep(PACE)

        for who, client in clients.items():
            await asyncio.wait_for(acks[who][-1], 20)
            if who not in involved:
                await asyncio.wait_for(asyncio.gather(*acks[who]), 20)
            while await client.expect("said") != EVENTS - 1:
                pass

    handled: dict[str, list[int]] = {who: [] for who in clients}
    for line in stopped.recorded():
        if "who" in line:
            handled[line["who"]].append(line["number"])
    for who, client in clients.items():
        heard = client.received("said")
        acked = {number for number, ack in enumerate(acks[who]) if ack.done()}
        if who in involved:
            assert len(client.received("welcome")) > 1, f"{who} has reconnected"
            assert heard == sorted(set(heard)), f"{who} heard each at most once, in order"
            assert handled[who] == sorted(set(handled[who])), f"each of {who} was handled at most once, in order"
            assert acked <= set(handled[who])
        else:
            assert len(client.received("welcome")) == 1, f"{who} has noticed nothing"
            assert heard == list(range(EVENTS)), f"{who} heard each once, in order"
            assert handled[who] == list(range(EVENTS)), f"each of {who} was handled once, in order"


async def test_polls_that_wait_in_a_process_which_stops_are_let_go(
    processes: Callable[..., Awaitable[Process]],
) -> None:
    """The session, which lives elsewhere, loses nothing: its client polls on at once."""
    owner, stopped = await processes("first"), await processes("second")
    query = {"EIO": "4", "transport": "polling"}
    async with httpx.AsyncClient(params=query, timeout=10) as http:
        opened = await http.get(f"{owner.url}{PATH}/")
        http.params = http.params.set("sid", opened.text.partition('"sid":"')[2].partition('"')[0])
        await http.post(f"{owner.url}{PATH}/", content="40")
        await http.get(f"{owner.url}{PATH}/")  # in "/", and welcome
        waiting = asyncio.create_task(http.get(f"{stopped.url}{PATH}/"))
        await asyncio.sleep(0.3)
        await _restart(stopped)
        answer = await waiting
        assert (answer.status_code, answer.text) == (200, "6")
        assert (await http.post(f"{owner.url}{PATH}/", content='42["echo","on we go"]')).text == "ok"
        assert (await http.get(f"{stopped.url}{PATH}/")).text == '42["echo","on we go"]'


async def _restart(process: Process) -> None:
    await process.stop()
    await process.start()


async def _processes(client: Client, record: Process) -> set[str]:
    """Where a client's session lives, and where its WebSocket ends."""
    async with asyncio.timeout(10):
        while (look := await client.look())["transport"] != DEFAULT[-1]:
            await asyncio.sleep(0.02)
    await client.ask("ack")
    carriers = [line["process"] for line in record.recorded() if line.get("carries") == look["sessionId"]]
    return {client.received("welcome")[0], *carriers}


async def _is_back(client: Client) -> None:
    async with asyncio.timeout(20):
        while len(client.received("welcome")) < 2:
            await asyncio.sleep(0.02)
