"""Binary both ways, as arguments of events and of acks, by every generation over every transport."""

import base64
from typing import Any

import httpx
import pytest

from tests.clients.client import Client

from .application import PATH
from .conftest import POLLING, WEBSOCKET, Connect
from .process import Process

LARGE = bytes(range(256)) * 800  # 200 KB
PAYLOADS: dict[str, list[Any]] = {
    "alone": [b"\x00\x01\xff"],
    "nested": [{"file": {"parts": [b"one", {"deep": [b"two"]}], "name": "ñ"}}, "beside", b"three"],
    "empty": [b"", {"nothing": b""}],
    "large": [LARGE],
    "none": ["text", {"a": [None, 1.5, "☃"]}],
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
async def test_binary_comes_back_as_it_was_sent(
    version: str, transports: tuple[str, ...], payload: list[Any], connect: Connect
) -> None:
    client = await connect(version, transports=transports, answers={"question": payload})
    await _goes_both_ways(client, payload)


@pytest.mark.parametrize("transports", [POLLING, WEBSOCKET], ids="-".join)
async def test_clients_that_force_base64(version: str, transports: tuple[str, ...], connect: Connect) -> None:
    payload = PAYLOADS["nested"]
    client = await connect(version, transports=transports, answers={"question": payload}, options={"forceBase64": True})
    await _goes_both_ways(client, payload)


async def test_binary_keeps_its_place_among_other_events(
    version: str, transports: tuple[str, ...], connect: Connect
) -> None:
    client = await connect(version, transports=transports)
    for number in range(60):
        client.emit("echo", number, bytes([number]) * 50 if number % 3 else "text")
    for number in range(60):
        assert await client.expect("echo") == number
    echoes = [event.args for event in client.events if event.name == "echo"]
    assert [args[1] for args in echoes] == [bytes([n]) * 50 if n % 3 else "text" for n in range(60)]


async def test_the_binary_payloads_of_protocol_3(server: Process) -> None:
    """What a 2.x client polls with in a browser; in Node.js it takes base64 (Engine.IO protocol 3, "Payload")."""
    async with httpx.AsyncClient(base_url=server.url, params={"EIO": "3", "transport": "polling"}) as http:
        opened = await http.get(PATH + "/")
        sid = opened.content.partition(b'"sid":"')[2].partition(b'"')[0].decode()
        http.params = http.params.set("sid", sid)
        packets = [_binary_frame('451-["echo",{"_placeholder":true,"num":0}]'), _binary_frame(b"\x04\x00\xfe\xff")]
        headers = {"content-type": "application/octet-stream"}
        assert (await http.post(PATH + "/", content=b"".join(packets), headers=headers)).text == "ok"
        received = b""
        while b"\x00\xfe\xff" not in received:
            answer = await http.get(PATH + "/")
            received += answer.content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert _binary_frame('451-["echo",{"_placeholder":true,"num":0}]') in received
    assert received.endswith(_binary_frame(b"\x04\x00\xfe\xff"))
    assert base64.b64encode(b"\x00\xfe\xff") not in received


async def _goes_both_ways(client: Client, payload: list[Any]) -> None:
    client.emit("echo", *payload)
    await client.expect("echo")
    assert [event.args for event in client.events if event.name == "echo"] == [payload]
    assert await client.ask_later("ack", *payload) == payload
    assert await client.ask("ask_me", payload, 5.0) == {"answer": [payload]}
    assert await client.expect("question") == payload


def _binary_frame(packet: str | bytes) -> bytes:
    """0 for text and 1 for binary, the length's digits as bytes, 255, the packet."""
    text = isinstance(packet, str)
    body = packet.encode() if isinstance(packet, str) else packet
    return bytes([0 if text else 1, *map(int, str(len(body))), 255]) + body
