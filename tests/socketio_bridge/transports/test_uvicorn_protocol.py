"""Frames between uvicorn's connection and a receiver of messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Close, Frame, Opcode
from websockets.uri import parse_uri

from socketio_bridge.transports.interfaces import FRAME_CHANNEL, TURN, FrameChannel
from socketio_bridge.transports.uvicorn_protocol import FrameProtocol
from tests.eventually import eventually
from tests.socketio_bridge.frame_channel import Wire, frame_protocol

LARGEST = 100_000


class Receiver:
    """Takes messages until it has `most` of them."""

    def __init__(self, most: int = 1_000_000) -> None:
        self.messages: list[str | bytes] = []
        self.most = most
        self.ended: list[int | None] = []
        self.resumed = 0

    def receive(self, frame: str | bytes) -> bool:
        assert not self.ended
        self.messages.append(frame)
        return len(self.messages) < self.most

    def disconnected(self, code: int | None) -> None:
        self.ended.append(code)

    def writing_resumed(self) -> None:
        self.resumed += 1


class Connection:
    """A client, the protocol that serves it, and the wire between them."""

    def __init__(self, *, compresses: bool = False) -> None:
        self.scope: Any = None
        self.accepted = asyncio.Event()
        self.state = ServerState()
        self.protocol: FrameProtocol = frame_protocol(
            self._application, self.state, largest=LARGEST, compresses=compresses
        )
        extensions = [ClientPerMessageDeflateFactory()] if compresses else None
        self.client = ClientProtocol(parse_uri("ws://testserver/"), extensions=extensions, max_size=None)
        self.frames: list[Frame] = []
        self.wire = Wire(self.protocol, self._arrived)
        self.left = asyncio.Event()

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        await receive()
        await send({"type": "websocket.accept"})
        self.accepted.set()
        await self.left.wait()

    def _arrived(self, data: bytes) -> None:
        self.client.receive_data(data)
        self.frames += [event for event in self.client.events_received() if isinstance(event, Frame)]

    @property
    def channel(self) -> FrameChannel:
        channel: FrameChannel = self.scope["extensions"][FRAME_CHANNEL]
        return channel

    def sent(self) -> bytes:
        """What the client has to send."""
        return b"".join(self.client.data_to_send())

    def texts(self, messages: Sequence[str]) -> bytes:
        """Frames of these messages."""
        for message in messages:
            self.client.send_text(message.encode())
        return self.sent()

    @property
    def closed(self) -> int:
        """The code by which the server closed."""
        return Close.parse(bytes(next(frame.data for frame in self.frames if frame.opcode is Opcode.CLOSE))).code


@asynccontextmanager
async def connected(*, compresses: bool = False) -> AsyncIterator[Connection]:
    connection = Connection(compresses=compresses)
    connection.protocol.connection_made(connection.wire)
    connection.client.send_request(connection.client.connect())
    connection.protocol.data_received(connection.sent())
    await connection.accepted.wait()
    try:
        yield connection
    finally:
        connection.left.set()
        connection.wire.close()
        await eventually(lambda: not connection.state.tasks)


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    async with connected() as connection:
        yield connection


@pytest.mark.parametrize("piece", [1, 3, 7, 1_000_000])
async def test_messages_come_whole_however_they_are_cut(connection: Connection, piece: int) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    messages = ["", "a", "é" * 62, "x" * 125, "y" * 126, "z" * 70_000, "end"]
    data = connection.texts(messages)
    connection.client.send_binary(b"\x00\xff")
    data += connection.sent()
    for begin in range(0, len(data), piece):
        connection.protocol.data_received(data[begin : begin + piece])
    assert receiver.messages == [*messages, b"\x00\xff"]


async def test_what_came_before_the_channel_begins_comes_first(connection: Connection) -> None:
    data = connection.texts(["first", "second", "third"])
    connection.protocol.data_received(data[:-3])
    receiver = Receiver()
    connection.channel.begin(receiver)
    assert receiver.messages == ["first", "second"]
    connection.protocol.data_received(data[-3:])
    assert receiver.messages == ["first", "second", "third"]


async def test_fragments_are_one_message_and_pings_between_them_are_answered(connection: Connection) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    connection.client.send_text(b"one ", fin=False)
    connection.client.send_ping(b"there?")
    connection.client.send_continuation(b"message", fin=True)
    connection.protocol.data_received(connection.sent() + connection.texts(["another"]))
    assert receiver.messages == ["one message", "another"]
    assert [(frame.opcode, bytes(frame.data)) for frame in connection.frames] == [(Opcode.PONG, b"there?")]
    assert connection.wire.reads.is_set()


async def test_fragments_are_not_kept_one_by_one(connection: Connection) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    connection.client.send_text(b"one ", fin=False)
    for _ in range(TURN - 2):
        connection.client.send_continuation(b"", fin=False)
    connection.protocol.data_received(connection.sent())
    assert len(connection.protocol.frames) <= 1
    connection.client.send_continuation(b"message", fin=True)
    connection.protocol.data_received(connection.sent())
    assert receiver.messages == ["one message"]


async def test_a_whole_message_amid_fragments_ends_the_connection(connection: Connection) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    connection.client.send_text(b"one ", fin=False)
    whole = Frame(Opcode.TEXT, b"whole").serialize(mask=True)
    connection.protocol.data_received(connection.sent() + whole)
    assert (receiver.messages, connection.closed, receiver.ended) == ([], 1002, [1002])


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (Frame(Opcode.TEXT, b"\xff\xfe").serialize(mask=True), 1007),
        (Frame(Opcode.TEXT, b"no mask").serialize(mask=False), 1002),
        (b"\xc1\x81\x00\x00\x00\x00x", 1002),
        (Frame(Opcode.TEXT, bytes(LARGEST + 1)).serialize(mask=True), 1009),
        (Frame(Opcode.BINARY, bytes(LARGEST + 1)).serialize(mask=True)[:14], 1009),
        (b"\x83\x80\x00\x00\x00\x00", 1002),
    ],
    ids=["no UTF-8", "no mask", "a reserved bit", "too large", "the head of one too large", "an unknown opcode"],
)
async def test_what_breaks_the_protocol_ends_the_connection_behind_what_came(
    connection: Connection, broken: bytes, code: int
) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    good, late = connection.texts(["good"]), connection.texts(["too late"])
    connection.protocol.data_received(good + broken)
    connection.protocol.data_received(late)
    assert (receiver.messages, connection.closed, receiver.ended) == (["good"], code, [code])


async def test_frames_that_came_at_once_are_taken_in_turns(connection: Connection) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    connection.protocol.data_received(connection.texts(["x"] * (3 * TURN + 1)))
    for turn in (1, 2, 3):
        assert len(receiver.messages) == turn * TURN
        assert not connection.wire.reads.is_set()
        await asyncio.sleep(0)
    assert len(receiver.messages) == 3 * TURN + 1
    assert connection.wire.reads.is_set()


async def test_pings_before_the_channel_begins_are_answered_in_turns(connection: Connection) -> None:
    for _ in range(2 * TURN + 1):
        connection.client.send_ping(b"")
    connection.protocol.data_received(connection.sent())
    for turn in (1, 2):
        assert len(connection.frames) == turn * TURN
        assert not connection.wire.reads.is_set()
        await asyncio.sleep(0)
    assert len(connection.frames) == 2 * TURN + 1
    assert connection.wire.reads.is_set()


async def test_messages_that_came_at_once_are_looked_at_when_the_application_takes_them(connection: Connection) -> None:
    connection.protocol.data_received(connection.texts(["a", "b", "c", "d"]))
    assert [(await connection.protocol.receive())["text"] for _ in "ab"] == ["a", "b"]  # type: ignore[typeddict-item]
    assert connection.protocol.queue.qsize() == 1
    receiver = Receiver()
    connection.channel.begin(receiver)
    assert receiver.messages == ["c", "d"]
    assert connection.wire.reads.is_set()


async def test_a_receiver_holds_messages_back_and_nothing_more_is_read(connection: Connection) -> None:
    receiver = Receiver(most=2)
    connection.channel.begin(receiver)
    connection.protocol.data_received(connection.texts(["a", "b", "c", "d"]))
    assert receiver.messages == ["a", "b"]
    assert not connection.wire.reads.is_set()
    connection.protocol.data_received(connection.texts(["e"]))  # what the kernel had already
    receiver.most = 4
    connection.channel.go_on()
    assert receiver.messages == ["a", "b", "c", "d"]
    receiver.most = 100
    connection.channel.go_on()
    assert receiver.messages == ["a", "b", "c", "d", "e"]
    assert connection.wire.reads.is_set()


async def test_the_end_comes_behind_what_is_held_back(connection: Connection) -> None:
    receiver = Receiver(most=1)
    connection.channel.begin(receiver)
    data = connection.texts(["a", "b", "c"])
    connection.client.send_close(1001)
    connection.protocol.data_received(data + connection.sent())
    connection.wire.close()
    await asyncio.sleep(0.01)
    assert (receiver.messages, receiver.ended) == (["a"], [])
    receiver.most = 100
    connection.channel.go_on()
    assert receiver.messages == ["a", "b", "c"]
    assert receiver.ended[0] in (1001, 1005)


async def test_a_ping_behind_the_end_of_the_connection_does_not_hide_the_end(connection: Connection) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    data = connection.texts(["x"] * (2 * TURN))
    connection.client.send_ping(b"there?")
    connection.protocol.data_received(data + connection.sent())
    connection.wire.close()
    await asyncio.sleep(0.01)
    assert (len(receiver.messages), receiver.ended) == (2 * TURN, [1005])


async def test_what_came_with_the_end_before_the_channel_begins_does_not_come_behind_it(
    connection: Connection,
) -> None:
    connection.protocol.data_received(connection.texts(["a", "b"]))
    connection.wire.close()
    await asyncio.sleep(0.01)
    receiver = Receiver()
    connection.channel.begin(receiver)
    assert (receiver.messages, receiver.ended) == (["a"], [1005])


async def test_the_answer_to_a_close_is_read_while_messages_are_held_back(connection: Connection) -> None:
    receiver = Receiver(most=1)
    connection.channel.begin(receiver)
    connection.protocol.data_received(connection.texts(["a", "b"]))
    await connection.protocol.send({"type": "websocket.close", "code": 1000})
    connection.protocol.data_received(connection.sent())
    await eventually(connection.wire.is_closing)
    assert receiver.messages == ["a"]


async def test_messages_that_are_written_together_are_one_write(connection: Connection) -> None:
    connection.channel.begin(Receiver())
    messages: list[str | bytes] = ["short", b"\x01\x02", "x" * 126, "y" * 70_000, ""]
    connection.channel.write(messages)
    assert [bytes(frame.data) for frame in connection.frames] == [
        message.encode() if isinstance(message, str) else message for message in messages
    ]
    assert [frame.opcode is Opcode.TEXT for frame in connection.frames] == [True, False, True, True, True]
    connection.wire.close()
    connection.channel.write(["nobody hears"])
    assert len(connection.frames) == 5


async def test_a_client_that_does_not_read_pauses_writing(connection: Connection) -> None:
    receiver = Receiver()
    connection.channel.begin(receiver)
    connection.protocol.pause_writing()
    paused = connection.channel.writing_paused
    connection.protocol.resume_writing()
    assert (paused, connection.channel.writing_paused, receiver.resumed) == (True, False, 1)


async def test_compressed_connections_have_no_channel() -> None:
    async with connected(compresses=True) as connection:
        assert FRAME_CHANNEL not in connection.scope["extensions"]
        connection.protocol.data_received(connection.texts(["compressed " * 20]))
        assert (await connection.protocol.receive())["text"] == "compressed " * 20  # type: ignore[typeddict-item]
