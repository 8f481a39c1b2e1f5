"""What a sign-in needs is away for a while: clients of all generations try again by themselves and get in."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from devstack.embedded import free_port
from tests.clients.client import GENERATIONS, Client
from tests.clients.driver import Driver
from tests.clients.network import Network

from .cluster import Cluster
from .people import Person, new_buyer
from .server_process import ServerProcess

pytestmark = pytest.mark.slow

AWAY = 10.0  # seconds
SOON = 8.0
"""Seconds after its end within which all are in: the server holds a client for 3 s, which then waits for 1.5 s."""
TRANSPORTS = (("websocket",), ("polling",), ("polling", "websocket"))


class Newcomers:
    """Clients of each generation and transport that connect with the reconnection that they come with.

    `opaque`: with tokens that only `introspection_endpoint` knows.
    """

    def __init__(self, driver: Driver, server: ServerProcess, *, opaque: bool = False) -> None:
        self.people = [new_buyer() for _ in GENERATIONS for _ in TRANSPORTS]
        identities = (
            {**person.identity(), **({"token": opaque_token(person)} if opaque else {})} for person in self.people
        )
        self.clients = [
            Client(
                driver,
                version=version,
                url=server.url,
                transports=transports,
                query=next(identities),
                options={"reconnection": True},
                patience=AWAY + 2 * SOON,
            )
            for version in GENERATIONS
            for transports in TRANSPORTS
        ]
        self.entering: list[asyncio.Task[Client]] = []

    async def begin(self, stack: AsyncExitStack) -> None:
        """Have all of them connect."""
        for client in self.clients:
            self.entering.append(asyncio.create_task(stack.enter_async_context(client)))

    def assert_outside(self) -> None:
        """None of them is in yet, nor turned away."""
        assert [entering.exception() for entering in self.entering if entering.done()] == []

    async def all_in(self) -> float:
        """Seconds until the last of them is in. Raises Refused for one that was turned away for good."""
        began = time.monotonic()
        await asyncio.gather(*self.entering)
        return time.monotonic() - began


async def test_a_store_that_is_away_turns_nobody_away(
    cluster: Cluster, driver: Driver, stores: tuple[str, str]
) -> None:
    target = urlsplit(stores[0])
    async with Network(f"http://{target.netloc}") as mongodb, AsyncExitStack() as stack:
        uri = f"mongodb://{urlsplit(mongodb.url).netloc}{target.path}?directConnection=true"
        server = await cluster.server("storeless", MONGODB_URI=uri, MONGODB_PATIENCE="1")
        try:
            mongodb.cut()  # before the first one signs in, which reads who is banned
            newcomers = Newcomers(driver, server)
            await newcomers.begin(stack)
            await asyncio.sleep(AWAY)
            newcomers.assert_outside()
            mongodb.mend()
            assert await newcomers.all_in() < SOON
        finally:
            server.stop()


async def test_an_introspection_endpoint_that_is_away_turns_nobody_away(cluster: Cluster, driver: Driver) -> None:
    port = free_port()
    server = await cluster.server("introspecting", AUTH_INTROSPECTION_URL=f"http://127.0.0.1:{port}/introspect")
    async with AsyncExitStack() as stack:
        newcomers = Newcomers(driver, server, opaque=True)
        await newcomers.begin(stack)
        await asyncio.sleep(4)
        newcomers.assert_outside()
        async with introspection_endpoint(port):
            assert await newcomers.all_in() < SOON
        someone, person = newcomers.clients[-1], newcomers.people[-1]
        refused = await someone.ask("verify_user", person.identity(token=f"{opaque_token(person)}-newer"))
        assert refused["error"]["code"] == "identity_unavailable"
        assert (await someone.ask("verify_user", person.identity(token=opaque_token(person))))["status"] is True, (
            "and it is still there"
        )
    server.stop()


def opaque_token(person: Person) -> str:
    """One that says nothing by itself to the server."""
    return f"opaque-{person.user_id}"


@asynccontextmanager
async def introspection_endpoint(port: int) -> AsyncIterator[None]:
    """RFC 7662's, for as long as the block."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        form = parse_qs((await reader.readexactly(int(length[1]) if length else 0)).decode())
        user_id = form["token"][0].split("-")[1]
        body = json.dumps({"active": True, "sub": user_id, "role": "BUYER", "exp": time.time() + 3600}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield
