"""How a server stops."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from channels.layers import get_channel_layer

from socketio_bridge import Namespace, Options, Socket, SocketIOServer, event
from tests.eventually import eventually
from tests.socketio_bridge.client import connect
from tests.socketio_bridge.transports.polling.browser import Browser


class Broken(Namespace):
    path = "/broken"

    async def on_shutdown(self) -> None:
        raise ConnectionError("what it wanted to tell is away")


class Tidy(Namespace):
    path = "/tidy"
    stopped = False

    async def on_shutdown(self) -> None:
        self.stopped = True


class Bank(Namespace):
    path = "/bank"

    def __init__(self) -> None:
        super().__init__()
        self.opens = asyncio.Event()
        self.left: list[tuple[str, float]] = []

    @event("pay")
    async def pay(self, socket: Socket, amount: int) -> int:
        await self.opens.wait()
        return amount

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        self.left.append((reason, asyncio.get_running_loop().time()))


async def test_a_namespace_that_fails_to_stop_keeps_nothing_else_from_it(caplog: pytest.LogCaptureFixture) -> None:
    tidy = Tidy()
    server = SocketIOServer([Broken(), tidy], options=Options())
    await server.startup()
    await server.shutdown()
    assert tidy.stopped
    assert not get_channel_layer().channels, "the adapter has left the channel layer"
    assert "on_shutdown of Broken failed." in caplog.messages


async def test_who_comes_when_the_process_was_told_to_stop_goes_to_another() -> None:
    server = SocketIOServer([Tidy()], options=Options())
    async with connect(server) as client:
        await client.join("/tidy")
        server.stop_serving()
        assert await client.receive() == "closed"
        answer = await Browser(server).request("GET")
        assert (answer.status, answer.body) == (503, '{"code":3,"message":"Bad request: the server is shutting down"}')
    await server.shutdown()
    async with connect(server) as client:
        await client.join("/tidy")


async def test_what_a_client_sent_is_handled_and_acknowledged_before_it_is_asked_to_come_back() -> None:
    bank = Bank()
    server = SocketIOServer([bank], options=Options())
    async with connect(server) as client:
        await client.join("/bank")
        for number in range(3):
            await client.send(f'42/bank,{number}["pay",{number}]')
        await client.caught_up()
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0.3)
        await client.send('42/bank,3["pay",3]')  # is read: the consumer waited for a frame already
        await client.send('42/bank,4["pay",4]')  # is not
        assert not draining.done()
        bank.opens.set()
        frames = [await client.receive() for _ in range(5)]
        assert frames == [*(f"43/bank,{number}[{number}]" for number in range(4)), "closed"]
    await draining
    assert [reason for reason, _ in bank.left] == ["server shutting down"]
    await server.shutdown()


async def test_clients_are_asked_to_come_back_in_slices_over_half_the_window() -> None:
    bank = Bank()
    server = SocketIOServer([bank], options=Options(shutdown_window=4.0))
    async with AsyncExitStack() as clients:
        for _ in range(500):
            client = await clients.enter_async_context(connect(server))
            await client.join("/bank")
        for _ in range(20):
            poller = Browser(server)
            await poller.request("GET")
        loop = asyncio.get_running_loop()
        began = loop.time()
        draining = asyncio.create_task(server.drain())
        await eventually(lambda: len(bank.left) == 500)
    moments = [moment - began for _, moment in bank.left]
    at_once = max(sum(moment <= other < moment + 0.1 for other in moments) for moment in moments)
    assert at_once < 150, moments
    assert 1 < moments[-1] < 3, moments
    draining.cancel()
    await server.shutdown()


async def test_few_clients_do_not_make_a_process_wait() -> None:
    bank = Bank()
    server = SocketIOServer([bank], options=Options(shutdown_window=60.0))
    async with asyncio.timeout(5):
        async with connect(server) as client:
            await client.join("/bank")
            draining = asyncio.create_task(server.drain())
            assert await client.receive() == "closed"
        await draining
    await server.shutdown()


async def test_handlers_that_take_too_long_are_not_waited_for() -> None:
    bank = Bank()
    server = SocketIOServer([bank], options=Options(shutdown_window=1.0))
    async with connect(server) as client:
        await client.join("/bank")
        await client.send('42/bank,1["pay",1]')
        await client.caught_up()
        async with asyncio.timeout(5):
            await server.drain()
            assert await client.receive() == "closed"
    bank.opens.set()
    await server.shutdown()
