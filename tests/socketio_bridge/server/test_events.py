"""Events of a client, their handlers, and acknowledgements both ways."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from socketio_bridge import InvalidArguments, Socket, SocketIOServer, UnknownEvent
from socketio_bridge.protocol.socketio import EventReceived
from socketio_bridge.sockets.event_queue import MOST_OVERLAPPING, Arrival, EventQueue, Occasion
from tests.eventually import eventually
from tests.socketio_bridge.client import FrameClient, connect

from .chat import Chat


@pytest.fixture
async def client(server: SocketIOServer) -> Any:
    async with connect(server) as client:
        await client.join("/chat")
        yield client


async def test_a_handlers_value_answers_the_ack(client: FrameClient) -> None:
    assert await client.answer_to('["greet",{"name":"ann"}]') == '["hello ann"]'
    assert await client.answer_to('["nothing"]') == "[]"
    assert await client.answer_to('["pair",1,"x"]') == '[1,"x"]'


async def test_arguments_may_have_defaults_and_too_many_are_left_out(client: FrameClient) -> None:
    assert await client.answer_to('["pair",1]') == '[1,"b"]'
    assert await client.answer_to('["pair",1,"x",3]') == '[1,"x"]'


async def test_without_an_ack_nothing_is_answered(client: FrameClient) -> None:
    await client.send('42/chat,["greet",{"name":"ann"}]')
    assert await client.answer_to('["nothing"]') == "[]"


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        ('["greet",{"name":1}]', InvalidArguments, "Expected `str`, got `int` - at `$.name`"),
        ('["greet"]', InvalidArguments, "expected 1 argument(s), got 0"),
        ('["shout"]', UnknownEvent, "'shout' is no event of /chat; there are: ask, exit"),
        ('["fail"]', LookupError, "a bug in a handler"),
    ],
    ids=["type", "missing", "unknown", "raised"],
)  # fmt: skip
async def test_what_cannot_be_handled_goes_to_on_error_whose_value_answers(
    client: FrameClient, chat: Chat, event: str, error: type[Exception], message: str
) -> None:
    answer = await client.answer_to(event)
    assert msgspec.json.decode(answer)[0]["error"].startswith(message)
    assert chat.log[-1][2] is error


async def test_of_a_name_that_nothing_has_only_the_beginning_is_said(client: FrameClient) -> None:
    """To the log, too."""
    answer = await client.answer_to(f'["{"x" * 100_000}"]')
    assert f"'{'x' * 80}' is no event" in answer


async def test_events_of_one_socket_are_handled_one_at_a_time_and_in_order(client: FrameClient, chat: Chat) -> None:
    chat.gate.clear()
    for number in range(50):
        await client.send(f'42/chat,["slow",{number}]')
    chat.gate.set()
    assert await client.answer_to('["nothing"]') == "[]"
    assert chat.log[1:] == list(range(50))


async def test_overlapping_handlers_begin_in_order_and_other_events_wait_for_them(
    client: FrameClient, chat: Chat
) -> None:
    chat.gate.clear()
    for number in (1, 2):
        await client.send(f'42/chat,{number}["store",{number}]')
    await client.send('42/chat,3["nothing"]')
    await eventually(lambda: ("begin", 2) in chat.log)
    assert ("end", 1) not in chat.log
    chat.gate.set()
    assert sorted([await client.receive(), await client.receive()]) == ["43/chat,1[1]", "43/chat,2[2]"]
    assert await client.receive() == "43/chat,3[]"


async def test_overlapping_events_are_begun_while_others_of_them_run(client: FrameClient, chat: Chat) -> None:
    chat.gate.clear()
    for number in range(5):
        await client.send(f'42/chat,["store",{number}]')
        await eventually(lambda: chat.log[-1] == ("begin", number))  # noqa: B023  asked now
    chat.gate.set()
    assert await client.answer_to('["nothing"]') == "[]"


async def test_so_many_overlapping_handlers_run_at_once(client: FrameClient, chat: Chat) -> None:
    chat.gate.clear()
    for number in range(MOST_OVERLAPPING + 5):
        await client.send(f'42/chat,["store",{number}]')
    await asyncio.sleep(0.05)
    assert chat.log[1:] == [("begin", number) for number in range(MOST_OVERLAPPING)]
    chat.gate.set()
    assert await client.answer_to('["nothing"]') == "[]"
    assert [entry[1] for entry in chat.log if entry[0] == "begin"] == list(range(MOST_OVERLAPPING + 5))


async def test_a_client_that_leaves_is_gone_only_when_overlapping_handlers_have_ended(
    server: SocketIOServer, chat: Chat
) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send('42/chat,["store",1]')
        asyncio.get_running_loop().call_later(0.05, chat.gate.set)
    assert chat.log[1:] == [("begin", 1), ("end", 1), ("disconnect", "transport close")]


@pytest.mark.parametrize("slow", ["slow", "store"])
async def test_volatile_events_pass_all_others_and_keep_their_own_order(
    client: FrameClient, chat: Chat, slow: str
) -> None:
    chat.gate.clear()
    await client.send(f'42/chat,1["{slow}",1]')
    await client.send('42/chat,2["nothing"]')
    for number in range(3):
        await client.send(f'42/chat,{number + 3}["typing",{number}]')
    assert [await client.receive() for _ in range(3)] == ["43/chat,3[0]", "43/chat,4[1]", "43/chat,5[2]"]
    said = [entry for entry in chat.log if entry[0] in ("typing", "typed")]
    assert said == [(word, number) for number in range(3) for word in ("typing", "typed")]
    chat.gate.set()
    assert [await client.receive() for _ in range(2)] == ["43/chat,1[1]", "43/chat,2[]"]


async def test_other_events_do_not_wait_for_volatile_ones(client: FrameClient, chat: Chat) -> None:
    chat.gate.clear()
    await client.send('42/chat,1["type and wait"]')
    assert await client.answer_to('["nothing"]') == "[]"
    chat.gate.set()
    assert await client.receive() == "43/chat,1[]"


async def test_a_client_that_leaves_is_gone_only_when_volatile_handlers_have_ended(
    server: SocketIOServer, chat: Chat
) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send('42/chat,["type and wait"]')
        asyncio.get_running_loop().call_later(0.05, chat.gate.set)
    assert chat.log[1:] == ["typed at last", ("disconnect", "transport close")]


async def test_a_volatile_handler_may_put_its_socket_out(client: FrameClient, chat: Chat) -> None:
    await client.send('42/chat,1["type and leave"]')
    assert await client.receive() == '43/chat,1["bye"]'
    assert await client.receive() == "41/chat,"


async def test_a_volatile_event_waits_until_the_client_is_let_in() -> None:
    """A client that connects to its namespace again may take the answer to the first request for the one to this."""
    handled: list[str] = []
    gate = asyncio.Event()

    async def handle(occasion: Occasion) -> None:
        if isinstance(occasion, Arrival):
            await gate.wait()
        handled.append(type(occasion).__name__)

    queue = EventQueue(handle, lambda event: False, lambda event: True)
    queue.put(Arrival(None))
    queue.put(EventReceived("/chat", "typing", [], None, 0))
    await asyncio.sleep(0.01)
    assert handled == []
    gate.set()
    await queue.finished()
    assert handled == ["Arrival", "EventReceived"]


async def test_a_slow_handler_does_not_hold_up_other_sockets(server: SocketIOServer, chat: Chat) -> None:
    async with connect(server) as one, connect(server) as other:
        await one.join("/chat")
        await other.join("/chat")
        chat.gate.clear()
        await one.send('42/chat,1["slow",1]')
        assert await other.answer_to('["nothing"]') == "[]"
        chat.gate.set()
        assert await one.receive() == "43/chat,1[1]"


async def test_events_sent_before_leaving_are_handled_before_the_disconnect_handler(
    server: SocketIOServer, chat: Chat
) -> None:
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send('42/chat,["slow",1]')
        await client.send('42/chat,["slow",2]')
        asyncio.get_running_loop().call_later(0.05, chat.gate.set)
    assert chat.log[1:] == [1, 2, ("disconnect", "transport close")]


@pytest.mark.parametrize("event", ["wait in vain", "exit", "exit beside others"])
async def test_whatever_a_handler_ends_by_it_ends_alone(server: SocketIOServer, chat: Chat, event: str) -> None:
    """It is answered, as by `on_error`; what comes after it is handled, and the disconnect handler runs."""
    async with connect(server) as client:
        await client.join("/chat")
        chat.gate.clear()
        await client.send(f'42/chat,1["{event}"]')
        await client.send('42/chat,["slow",1]')
        asyncio.get_running_loop().call_later(0.05, chat.gate.set)
        assert (await client.receive()).startswith('43/chat,1[{"error":"the handler of ')
    assert chat.log[1:] == [("error", event, RuntimeError), 1, ("disconnect", "transport close")]


async def test_whatever_a_connect_handler_ends_by_its_client_is_answered(server: SocketIOServer) -> None:
    async with connect(server) as client:
        await client.send('40/chat,{"who":"exit"}')
        assert await client.receive() == '44/chat,{"message":"Internal Server Error"}'
        await client.join("/chat")


async def test_the_server_asks_and_the_client_answers(client: FrameClient, chat: Chat) -> None:
    await client.send('42/chat,["ask"]')
    assert await client.receive() == '42/chat,0["question","why?"]'
    await client.send('43/chat,0["because"]')
    await client.answer_to('["nothing"]')
    assert chat.log[-1] == ["because"]


async def test_an_answer_that_python_cannot_hold_is_none(client: FrameClient, chat: Chat) -> None:
    await client.send('42/chat,["ask"]')
    await client.receive()
    await client.send("43/chat,0[1e999]")
    await client.answer_to('["nothing"]')
    assert "did not acknowledge 'question'" in chat.log[-1]


async def test_a_question_that_stays_unanswered_raises(client: FrameClient, chat: Chat) -> None:
    await client.send('42/chat,["ask"]')
    await client.receive()
    await client.send('43/chat,77["to another question"]')
    await client.answer_to('["nothing"]')
    assert "did not acknowledge 'question'" in chat.log[-1]


async def test_a_connect_handler_cannot_wait_for_its_clients_answer(server: SocketIOServer, chat: Chat) -> None:
    """Its client would learn that it is in only when the handler has ended."""

    async def on_connect(socket: Socket) -> None:
        with pytest.raises(RuntimeError, match="cannot answer 'question' before it is let in"):
            await socket.call("question", timeout=10)
        chat.log.append(asyncio.create_task(socket.call("question", timeout=10)))

    chat.on_connect = on_connect  # type: ignore[method-assign]
    async with connect(server) as client:
        await client.join("/chat")
        assert await client.receive() == '42/chat,0["question"]'
        await client.send('43/chat,0["because"]')
        assert await chat.log[0] == ["because"]
