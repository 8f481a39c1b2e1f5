"""JSONP, by which old browsers poll across origins: the clients run the scripts that the bridge answers with."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.client import Client
from tests.clients.driver import Driver

from .application import PATH
from .conftest import POLLING
from .process import Process

ARGUMENTS: dict[str, list[Any]] = {
    "plain": ["text", {"a": [None, 1.5, True]}],
    "quotes": ["\"'`</script>", "back\\slash"],
    "line ends": ["a\nb", "\\n", "\\\\n", "\r\n", "\u2028\u2029"],
    "beyond ASCII": ["ñ☃", "😀" * 100, "&d=1+%20"],
    "binary": [b"\x00\xff", {"deep": [b"two"]}],
    "much": ["x" * 100_000],
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page() -> AsyncIterator[Driver]:
    """A page in a browser, as far as clients need one."""
    async with Driver(page=True) as driver:
        yield driver


@pytest.mark.parametrize("version", ["2.3.1", "3.1.3"])  # 4.x has no JSONP any more
@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
async def test_events_and_acks_go_both_ways(page: Driver, server: Process, version: str, arguments: list[Any]) -> None:
    async with Client(
        page, version=version, url=server.url, namespace="/", path=PATH, transports=POLLING,
        options={"forceJSONP": True}, answers={"question": arguments},
    ) as client:  # fmt: skip
        client.emit("echo", *arguments)
        assert await client.expect("echo") == arguments[0]
        assert [event.args for event in client.events if event.name == "echo"] == [arguments]
        assert await client.ask("ack", *arguments) == arguments[0]
        assert await client.ask("ask_me", arguments, 5) == {"answer": [arguments]}
        assert (await client.look())["jsonp"]


async def test_bursts_keep_their_order(page: Driver, server: Process) -> None:
    async with Client(
        page, version="2.3.1", url=server.url, namespace="/", path=PATH, transports=POLLING,
        options={"forceJSONP": True},
    ) as client:  # fmt: skip
        for number in range(200):
            client.emit("echo", number)
        assert [await client.expect("echo") for _ in range(200)] == list(range(200))
