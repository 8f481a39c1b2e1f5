"""Frames that no decent client sends: the server lives, and other sockets notice nothing.

The sender itself either goes on, or its connection is closed by the protocol's rules; it never hangs.
"""

import asyncio
import base64
import contextlib
import os

import pytest
from websockets.exceptions import ConnectionClosed

from tests.clients.client import CHAT, PATH
from tests.clients.raw import RawSocket

from .conftest import Connect
from .people import Room, new_buyer
from .server_process import ServerProcess

ENGINE_IO = [
    "",
    "9",
    "x",
    "0",
    "0{}",
    "6",
    "5",
    "2",
    "2probe",
    "3",
    "3probe",
    "\0",
    "4",
    "😀",
    b"",
    b"\x04",
    b"4",
    b"\x00\xff\xfe",
]
SOCKET_IO = [
    *(
        "4x",
        "47",
        "49",
        "4-1",
        "42",
        "42/",
        "42,",
        "42[",
        "42{}",
        "42[]",
        "42[1]",
        "42null",
        '42"typing"',
        "42truefalse",
    ),
    *(f"42{CHAT}", f"42{CHAT},", f"42{CHAT},[]", f"42{CHAT},[null]", f'42{CHAT},[{{"a":1}}]', f'42{CHAT},["typing"'),
    *(
        f'42{CHAT},["typing",]',
        f'42{CHAT},[""]',
        f"42{CHAT},['typing']",
        f'42{CHAT},["typing",NaN]',
        f'42{CHAT},["typing",1e999]',
    ),
    *(f'42{CHAT},["connect"]', f'42{CHAT},["disconnect"]', f'42{CHAT},["error",{{}}]', f'42{CHAT},["on_connect",{{}}]'),
    *(f'42{CHAT},["__class__",{{}}]', f'42{CHAT},["__proto__",{{}}]', f'42{CHAT},["typing",{{}},{{}},{{}}]'),
    f'42{CHAT},["typing",{{"room_id":"\\ud800"}}]',
    f'42{CHAT},{"9" * 40}["typing",{{}}]',
    f'42{CHAT},{"9" * 5000}["typing",{{}}]',
    f'42{CHAT},-1["typing",{{}}]',
    f'42{CHAT},1.5["typing",{{}}]',
    f'42{CHAT},["{"n" * 100_000}",{{}}]',
    f'42{CHAT},["typing",{"[" * 50_000}{"]" * 50_000}]',
    f'42{CHAT},["typing",{"[" * 50_000}',
    f'42{CHAT}/nobody-connected-here,["typing",{{}}]',
    '42/nowhere,["typing",{}]',
    *(
        "40/nowhere,",
        "41/nowhere,",
        '43/nowhere,1["x"]',
        f"40{CHAT},",
        f"40{CHAT},{{",
        f'40{CHAT},"text"',
        f"40{CHAT},[1]",
    ),
    f"40/{'n' * 100_000},",
    *(f"43{CHAT},", f"43{CHAT},7[]", f"43{CHAT},x", f"43{CHAT},7{{}}", f"43{CHAT},{'9' * 40}[1]"),
    *(f"44{CHAT},", f'44{CHAT},"no"', f'44{CHAT},{{"message":"no"}}'),
    *("45", "451-", "450-[]", "45-", "45x-[]", f'45999999999-{CHAT},["typing",{{"_placeholder":true,"num":0}}]'),
    *(
        f'451-{CHAT},["typing",{{"_placeholder":true,"num":7}}]',
        f'451-{CHAT},["typing",{{"_placeholder":true,"num":-1}}]',
    ),
    *("46", f"461-{CHAT},7[]", f'461-{CHAT},["x"]'),
]


def _name(frame: object) -> str:
    text = repr(frame)
    return text if len(text) < 60 else f"{text[:40]}… of {len(text)}"


async def _settle(bad: RawSocket) -> None:
    """Return when the server has dealt with all that was sent: it answers the next packet, or it has closed."""
    with contextlib.suppress(ConnectionClosed):
        await bad.send(f'42{CHAT},123["typing",{{}}]')
        await bad.receive_packet(f"43{CHAT},123")


@pytest.mark.parametrize("engine", [3, 4])
@pytest.mark.parametrize("frame", [*ENGINE_IO, *SOCKET_IO], ids=_name)
async def test_a_malformed_frame_harms_nobody_else(
    frame: str | bytes, engine: int, connect: Connect, room: Room, server: ServerProcess
) -> None:
    """Neither in a namespace nor before one is joined."""
    buyer, seller = await connect(room.buyer), await connect(room.seller, "2.3.1")
    person = new_buyer()
    async with RawSocket(server.url, engine=engine, query=person.identity()) as stranger:
        with contextlib.suppress(ConnectionClosed):
            await stranger.send(frame)
    async with RawSocket(server.url, engine=engine, query=person.identity()) as bad:
        await bad.join()
        await bad.send(frame)
        await _settle(bad)
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
    assert {event.name for event in seller.events} <= {"active_user_list", "user_status_change", "typing"}
    assert {event.name for event in buyer.events} <= {"active_user_list", "user_status_change"}
    assert all(change["status"] for client in (buyer, seller) for change in client.received("user_status_change"))
    assert server.alive()


@pytest.mark.parametrize("engine", [3, 4])
async def test_a_thousand_bad_frames_at_once_harm_nobody_else(
    engine: int, connect: Connect, room: Room, server: ServerProcess
) -> None:
    buyer, seller = await connect(room.buyer), await connect(room.seller, "2.3.1")
    with contextlib.suppress(ConnectionClosed):
        async with RawSocket(server.url, engine=engine, query=new_buyer().identity()) as bad:
            await bad.join()
            for number in range(1000):
                await bad.send(f'42{CHAT},["new_message",{{"nonsense":{number}}}]')
            await _settle(bad)
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")


@pytest.mark.parametrize("engine", [3, 4])
async def test_an_event_before_joining_the_namespace_does_nothing(
    engine: int, connect: Connect, room: Room, server: ServerProcess
) -> None:
    """Only who was let in speaks: a connection alone is no identity."""
    seller = await connect(room.seller)
    async with RawSocket(server.url, engine=engine, query=room.buyer.identity()) as early:
        with contextlib.suppress(ConnectionClosed):
            sides = room.sides(room.buyer)
            await early.send(
                f'42{CHAT},["typing",{{"room_id":"{room.id}","from":"{sides["from"]}","to":"{sides["to"]}"}}]'
            )
            await early.join()
    buyer = await connect(room.buyer)
    buyer.emit("stop_typing", room.sides(room.buyer))
    await seller.expect("stop_typing")
    assert not seller.received("typing")


async def test_a_frame_larger_than_the_limit_ends_its_connection_alone(connect: Connect, room: Room) -> None:
    """Real clients too: a frame of 20 MB is not read to its end."""
    buyer, seller = await connect(room.buyer), await connect(room.seller, "2.3.1")
    flooder = await connect(room.buyer, "3.1.3")
    flooder.emit("new_message", room.message(room.buyer, "x" * 20_000_000))
    await flooder.disconnected()
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
    assert not seller.received("new_message")


WEBSOCKET_FRAMES = {
    "not masked": b"\x81\x022x",
    "a reserved bit set": b"\xc1\x81\0\0\0\x002",
    "an unknown opcode": b"\x83\x80\0\0\0\0",
    "text that is not UTF-8": b"\x81\x82\0\0\0\0\xff\xfe",
    "a continuation of nothing": b"\x80\x81\0\0\0\x002",
    "a ping of 200 bytes": b"\x89\xfe\x00\xc8\0\0\0\0" + b"p" * 200,
    "a length of 2^62": b"\x81\xff" + (1 << 62).to_bytes(8, "big") + b"\0\0\0\0",
    "the end, in the middle of a frame": b"\x81\xfe\x01\x00\0\0\0\x0042",
    "no WebSocket at all": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("bad", WEBSOCKET_FRAMES)
async def test_a_broken_websocket_frame_harms_nobody_else(
    bad: str, connect: Connect, room: Room, server: ServerProcess
) -> None:
    buyer, seller = await connect(room.buyer), await connect(room.seller, "2.3.1")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {PATH}/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(WEBSOCKET_FRAMES[bad])
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 10)  # until the server has closed its side
    writer.close()
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
    assert server.alive()


@pytest.mark.parametrize(
    "query", ["", "EIO=4", "EIO=2&transport=websocket", "EIO=5&transport=websocket", "EIO=x&transport=websocket",
              "EIO=4&transport=pigeon", "EIO=4&transport=websocket&sid=unknown"]
)  # fmt: skip
async def test_a_handshake_that_is_none_is_turned_away(query: str, server: ServerProcess) -> None:
    """No Engine.IO session begins; the answer is an HTTP error or a closed WebSocket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET {PATH}/?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert b'"pingInterval"' not in answer
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 101"))
