"""Several namespaces on one connection, those that are made by being asked for, and those that keep a client out."""

from typing import Any

import pytest

from tests.clients.client import Client, Refused
from tests.clients.driver import Driver

from .application import PATH
from .conftest import Connect
from .process import Process

GOOD = {"token": "open sesame"}
BAD = {"token": "let me in"}


def _credentials(version: str, token: dict[str, str]) -> dict[str, Any]:
    """2.x has no `auth`: it sends the query with its CONNECT packet."""
    return {"query": token} if version == "2.3.1" else {"auth": token}


def _refusal(version: str, message: str, data: Any) -> tuple[Any, Any]:
    """2.x has no error data: the ERROR packet is the message."""
    return (message, None) if version == "2.3.1" else (message, data)


async def test_namespaces_share_a_connection_and_nothing_else(
    version: str, transports: tuple[str, ...], connect: Connect
) -> None:
    main = await connect(version, transports=transports)
    first = await connect(version, namespace="/room-1", beside=main)
    second = await connect(version, namespace="/room-2", beside=main)
    unforeseen = await connect(version, namespace="/unforeseen", beside=main)
    assert await first.ask("where") == "/room-1"
    assert await second.ask("where") == "/room-2"
    assert await unforeseen.ask("made up", 1, b"two") == ["made up", 1, b"two"]
    first.emit("say", "only here")
    assert await first.expect("said") == "only here"
    await second.ask("where")
    assert not second.received("said")
    assert not main.received("said")
    assert len({(await client.look())["sessionId"] for client in (main, first, second, unforeseen)}) == 1

    second.disconnect()
    assert await second.disconnected() == "io client disconnect"
    assert await first.ask("where") == "/room-1", "the others stay"
    second.reconnect()
    await second.connected()
    assert await second.ask("where") == "/room-2"


async def test_a_namespace_that_was_left_before_it_answered_may_be_joined_again(
    version: str, transports: tuple[str, ...], connect: Connect, driver: Driver, server: Process
) -> None:
    """The client says nothing of its leaving, and takes no notice of the answer that comes then."""
    main = await connect(version, transports=transports)
    second = Client(driver, version=version, url=server.url, namespace="/room-3", path=PATH, beside=main)
    second.open()
    second.disconnect()
    assert await main.ask("ack", "meanwhile") == "meanwhile"
    second.reconnect()
    try:
        await second.connected()
        assert await second.ask("where") == "/room-3"
    finally:
        second.leave()


async def test_a_dynamic_namespace_is_shared_by_those_who_ask_for_it(connect: Connect) -> None:
    old = await connect("2.3.1", namespace="/room-77")
    new = await connect("4.8", namespace="/room-77")
    old.emit("say", "hello")
    assert await new.expect("said") == "hello"


@pytest.mark.parametrize("namespace", ["/nowhere", "/room-x", "/room-1/more"])
async def test_a_namespace_that_nobody_serves_is_invalid(version: str, namespace: str, connect: Connect) -> None:
    main = await connect(version)
    with pytest.raises(Refused) as refused:
        await connect(version, namespace=namespace, beside=main)
    assert (refused.value.message, refused.value.data) == ("Invalid namespace", None)
    assert await main.ask("ack", "fine") == "fine"


async def test_a_refused_namespace_leaves_its_neighbours_alone(
    version: str, transports: tuple[str, ...], connect: Connect
) -> None:
    main = await connect(version, transports=transports)
    with pytest.raises(Refused) as refused:
        await connect(version, namespace="/guarded", beside=main, **_credentials(version, BAD))
    data = {"code": "bad_token", "token": "let me in"}
    assert (refused.value.message, refused.value.data) == _refusal(version, "Not with that token", data)
    assert await main.ask("ack", "fine") == "fine"
    later = await connect(version, namespace="/room-5", beside=main)
    assert await later.ask("where") == "/room-5"


async def test_the_refused_may_be_let_in_with_better_credentials(
    version: str, transports: tuple[str, ...], connect: Connect
) -> None:
    with pytest.raises(Refused):
        await connect(version, namespace="/guarded", transports=transports, **_credentials(version, BAD))
    guarded = await connect(version, namespace="/guarded", transports=transports, **_credentials(version, GOOD))
    assert await guarded.ask("harmless") == {"allowed": "harmless"}
    assert await guarded.ask("forbidden") == {"refused": "forbidden"}


async def test_events_sent_before_the_server_answered_are_not_lost(
    version: str, transports: tuple[str, ...], driver: Driver, server: Process
) -> None:
    """The client holds them back until it is connected, and the namespace takes them in order."""
    client = Client(driver, version=version, url=server.url, namespace="/unforeseen", path=PATH, transports=transports)
    client.open()
    answers = [client.ask_later("early", number) for number in range(5)]
    try:
        await client.connected()
        assert [await answer for answer in answers] == [[["early", number]] for number in range(5)]
    finally:
        client.leave()
