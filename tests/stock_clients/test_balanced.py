"""Three processes behind a balancer without affinity, one of them stopped and started again in the middle."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.clients.client import GENERATIONS, Client
from tests.clients.network import Network
from tests.eventually import eventually

from .application import PATH
from .conftest import BY_ITSELF, DEFAULT, Connect
from .process import Process

EACH = 50  # clients of each generation
EVENTS = 600  # each way, for each client
WINDOW = 100  # of them unanswered at a time
STOP, STARTED = 100, 450  # events before the stop, and before which the process must be up again
LONG = 240.0  # seconds, on a busy machine

pytestmark = pytest.mark.slow


async def test_a_process_is_stopped_and_started_under_150_clients(
    processes: Callable[..., Awaitable[Process]], connect: Connect
) -> None:
    """Each sends numbered events, and is told of each that it was handled, by an event and by the ack.

    Sessions that neither live in the stopped process nor have their WebSocket there notice nothing: each event is
    handled once and told once, in order. The others reconnect by themselves, and send again what had no ack yet, as
    any application must that wants more than Socket.IO's "at most once". So theirs arrive at least once: nothing is
    missing, only what was sent again is ever repeated, and without the repeats all is once and in order.

    What is emitted to all meanwhile misses of the others those that are away, and reaches nobody twice.
    """
    three = [await processes(name) for name in ("first", "second", "third")]
    stopped = three[1]
    async with Network(*(process.url for process in three)) as balancer:
        clients = {
            f"{version} {number}": await connect(version, to=balancer.url, options=BY_ITSELF)
            for number in range(EACH)
            for version in GENERATIONS
        }
        involved = {who for who, client in clients.items() if stopped.name in await _processes(client, stopped)}
        assert 0 < len(involved) < len(clients)
        announcer = await connect(to=three[0].url, transports=("websocket",))
        announcing = asyncio.create_task(_announce(announcer))

        for who, client in clients.items():
            client.stream("tell_back", who, count=EVENTS, window=WINDOW, marks=[STOP, STARTED])
        await asyncio.gather(*(client.marked(LONG) for client in clients.values()))
        restart = asyncio.create_task(_restart(stopped))
        for client in clients.values():
            client.go_on()
        await restart
        await asyncio.gather(*(client.marked(LONG) for client in clients.values()))
        newcomers = [await connect(to=balancer.url, transports=("websocket",)) for _ in three]
        assert stopped.name in {(await client.expect("welcome")) for client in newcomers}, "it serves again"
        for client in clients.values():
            client.go_on()
        streamed = {who: await client.streamed(LONG) for who, client in clients.items()}

        announcing.cancel()
        announced = await announcer.ask("say", None, "the end") and len(announcer.received("said"))
        for client in clients.values():
            while await client.expect("said") != "the end":
                pass
        assert announced > 10

    handled: dict[str, list[tuple[str, int]]] = {who: [] for who in clients}
    for line in stopped.recorded():
        if "connection" in line:
            handled[line["who"]].append((line["connection"], line["number"]))
    said = announcer.received("said")
    for who, client in clients.items():
        check = _missed_nothing if who in involved else _noticed_nothing
        check(who, client, handled[who], streamed[who], said)


async def test_polls_that_wait_in_a_process_which_stops_are_let_go(
    processes: Callable[..., Awaitable[Process]],
) -> None:
    """The session, which lives elsewhere, loses nothing: its client polls on at once."""
    owner, stopped = await processes("first"), await processes("second")
    query = {"EIO": "4", "transport": "polling"}
    async with httpx.AsyncClient(params=query, timeout=10) as http:
        opened = await http.get(f"{owner.url}{PATH}/")
        sid = opened.text.partition('"sid":"')[2].partition('"')[0]
        http.params = http.params.set("sid", sid)
        await http.post(f"{owner.url}{PATH}/", content="40")
        await http.get(f"{owner.url}{PATH}/")  # in "/", and welcome
        waiting = asyncio.create_task(http.get(f"{stopped.url}{PATH}/"))
        await eventually(lambda: {"process": stopped.name, "polls": sid} in stopped.recorded())
        await _restart(stopped)
        answer = await waiting
        assert (answer.status_code, answer.text) == (200, "6")
        assert (await http.post(f"{owner.url}{PATH}/", content='42["echo","on we go"]')).text == "ok"
        assert (await http.get(f"{stopped.url}{PATH}/")).text == '42["echo","on we go"]'


def _noticed_nothing(
    who: str, client: Client, handled: list[tuple[str, int]], streamed: dict[str, Any], said: list[Any]
) -> None:
    """A client of processes that went on."""
    everything = list(range(EVENTS))
    assert len(client.received("welcome")) == 1, f"{who} has noticed nothing"
    assert [number for _, number in handled] == everything, f"each of {who} was handled once, in order"
    assert streamed["told"] == everything, f"{who} was told of each once, in order"
    assert [word for word in client.received("said") if word in said] == said


def _missed_nothing(
    who: str, client: Client, handled: list[tuple[str, int]], streamed: dict[str, Any], said: list[Any]
) -> None:
    """A client of the process that was stopped."""
    again = set(streamed["sentAgain"])
    assert len(client.received("welcome")) > 1, f"{who} has reconnected"
    assert again
    for repeated in ([number for _, number in handled], streamed["told"]):
        assert list(dict.fromkeys(repeated)) == list(range(EVENTS)), f"of {who} nothing is missing, and all is in order"
        assert {number for number, times in Counter(repeated).items() if times > 1} <= again
    for connection in {connection for connection, _ in handled}:
        of_one = [number for each, number in handled if each == connection]
        assert of_one == sorted(set(of_one)), f"{who} was heard once and in order by each of its connections"
    heard = client.received("said")
    assert heard == [word for word in said if word in set(heard)], f"{who} heard each at most once, in order"


async def _announce(announcer: Client) -> None:
    """Say something to everybody now and then."""
    for number in itertools.count():
        announcer.emit("say", None, number)
        await asyncio.sleep(0.25)


async def _restart(process: Process) -> None:
    await process.stop()
    await process.start()


async def _processes(client: Client, record: Process) -> set[str]:
    """Where a client's session lives, and where its WebSocket ends."""
    look = await client.travels_by(DEFAULT[-1])
    await client.ask("ack")
    carriers = [line["process"] for line in record.recorded() if line.get("carries") == look["sessionId"]]
    return {client.received("welcome")[0], *carriers}
