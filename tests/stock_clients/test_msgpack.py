"""Clients with socket.io-msgpack-parser, on a server that takes it and on one that does not."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from tests.clients.client import Client, Refused
from tests.clients.driver import Driver
from tests.clients.network import Network

from .application import PATH
from .conftest import BY_ITSELF, POLLING, WEBSOCKET, Connect
from .process import Process

BOTH = {"parsers": ["json", "msgpack"]}
GENERATIONS = ("3.1.3", "4.8")  # those of protocol 5
PAYLOAD = [{"file": {"parts": [b"one", {"deep": [b""]}], "name": "ñ☃"}, "none": None}, 1.5, -7, 2**40, "x" * 40, b"two"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes that take both parsers, with recovery on."""
    directory = tmp_path_factory.mktemp("msgpack")
    redis = f"{os.environ['REDIS_ADDRESS'].rsplit('/', 1)[0]}/9"
    options = {**BOTH, "max_disconnection_duration": 60.0}
    pair = Process(directory, redis, options, "msgpack"), Process(directory, redis, options, "msgpack")
    for process in pair:
        await process.start()
    yield pair
    for process in pair:
        await process.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def both(processes: Callable[..., Awaitable[Process]]) -> Process:
    """A process that takes both parsers."""
    return await processes("both parsers", **BOTH)


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_events_and_acknowledgements_go_both_ways(
    generation: str, transports: tuple[str, ...], both: Process, connect: Connect
) -> None:
    client = await connect(
        generation, to=both.url, transports=transports, parser="msgpack", answers={"question": PAYLOAD}
    )
    client.emit("echo", *PAYLOAD)
    await client.expect("echo")
    assert [event.args for event in client.events if event.name == "echo"] == [PAYLOAD]
    assert await client.ask_later("ack", *PAYLOAD) == PAYLOAD
    assert await client.ask("ask_me", PAYLOAD, 5.0) == {"answer": [PAYLOAD]}
    assert await client.ask("ack") is None


async def test_it_is_refused_let_in_and_disconnected_like_any_other(both: Process, connect: Connect) -> None:
    with pytest.raises(Refused) as refused:
        await connect(to=both.url, namespace="/guarded", parser="msgpack", auth={"token": "wrong"})
    assert refused.value.message == "Not with that token"
    assert refused.value.data == {"code": "bad_token", "token": "wrong"}
    with pytest.raises(Refused, match="Invalid namespace"):
        await connect(to=both.url, namespace="/nowhere", parser="msgpack")
    client = await connect(to=both.url, namespace="/guarded", parser="msgpack", auth={"token": "open sesame"})
    assert await client.ask("anything") == {"allowed": "anything"}
    there = await connect(namespace="/room-1", beside=client)
    assert await there.ask("where") == "/room-1"
    watcher = await connect(to=both.url)
    await watcher.ask("enter", "watchers")
    leaver = await connect(to=both.url, parser="msgpack")
    leaver.disconnect()
    await watcher.expect("left", id=leaver.socket_id, reason="client namespace disconnect")


@pytest.mark.parametrize("transports", [POLLING, WEBSOCKET], ids="-".join)
async def test_a_broadcast_reaches_clients_of_either_parser_on_every_process(
    transports: tuple[str, ...], two: tuple[Process, Process], connect: Connect
) -> None:
    answers = {"question": {"binary": [b"yes"]}}
    clients = [
        await connect(version, to=process.url, transports=transports, parser=parser, answers=answers)
        for process in two
        for version, parser in (("4.8", "msgpack"), ("4.8", None), ("2.3.1", None))
    ]
    for client in clients:
        await client.ask("enter", "hall")
    for speaker in clients[:2]:
        for what in (PAYLOAD, "text"):
            await speaker.ask("say", "hall", what)
            for client in clients:
                assert await client.expect("said") == what
        gathered = await speaker.ask("ask_room", "hall", {"sure": b"?"}, 5.0)
        assert sorted(gathered["answers"].values(), key=str) == [[answers["question"]]] * len(clients)
        assert gathered["missing"] == []


@pytest.mark.parametrize("transports", [POLLING, WEBSOCKET], ids="-".join)
async def test_it_comes_back_on_another_process_with_what_it_missed(
    transports: tuple[str, ...], two: tuple[Process, Process], connect: Connect
) -> None:
    speaker = await connect(to=two[1].url)
    async with Network(two[0].url) as network:
        client = await connect(to=network.url, transports=transports, options=BY_ITSELF, parser="msgpack")
        await client.ask("enter", "hall")
        first_id = client.socket_id
        await speaker.ask("say", "hall", "heard")
        await client.expect("said")
        network.cut()
        await client.disconnected()
        await speaker.ask("say", "hall", {"missed": b"binary"})
        network.mend()
        await client.connected(within=20)
        assert client.recovered
        assert client.socket_id == first_id
        assert await client.expect("said") == {"missed": b"binary"}


async def test_a_server_that_does_not_take_it_says_so_and_the_client_stays_away(
    server: Process, connect: Connect, driver: Driver
) -> None:
    sentence = "This server does not take packets of the 'msgpack' parser; it takes json"
    for transports in (POLLING, WEBSOCKET):
        with pytest.raises(Refused) as refused:
            await connect(transports=transports, parser="msgpack", options=BY_ITSELF)
        assert refused.value.message == sentence
    attempts = await _attempts_within(1.0, driver, server, "msgpack")
    assert attempts == 1


async def test_a_server_of_msgpack_alone_says_so_too(
    processes: Callable[..., Awaitable[Process]], connect: Connect
) -> None:
    process = await processes("msgpack alone", parsers=["msgpack"])
    with pytest.raises(Refused, match="does not take packets of the 'json' parser; it takes msgpack"):
        await connect(to=process.url)
    client = await connect(to=process.url, parser="msgpack")
    assert await client.ask("ack", b"1") == b"1"


async def test_a_client_of_an_unknown_parser_is_not_sent_back_at_once(server: Process, driver: Driver) -> None:
    """Its connection stays until it should have joined a namespace, so that it does not connect again and again."""
    assert await _attempts_within(2.0, driver, server, "unknown") == 1


async def _attempts_within(seconds: float, driver: Driver, server: Process, parser: str) -> int:
    """How often a client that reconnects by itself opens a session."""

    def opened() -> int:
        return sum(line.get("polls") == "" for line in server.recorded())

    before = opened()
    client = Client(
        driver,
        version="4.8",
        url=server.url,
        namespace="/",
        path=PATH,
        transports=POLLING,
        options=BY_ITSELF,
        parser=parser,
    )
    client.open()
    await asyncio.sleep(seconds)
    client.leave()
    return opened() - before
