"""Clients that poll: two kept connections each, one whose GET waits, one that posts."""

import asyncio
import time
import urllib.parse
from collections import deque

from . import load
from .websocket_client import ServerClosed

SEPARATOR = "\x1e"


class Http:
    """One kept HTTP connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def request(self, method: str, target: str, body: str = "") -> str:
        """The answer's body. Raises ServerClosed for another status than 200."""
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}Content-Type: text/plain;charset=UTF-8\r\n\r\n{body}".encode())
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if "chunked" in headers.get("transfer-encoding", ""):
            answer = b""
            while size := int(await self._reader.readline(), 16):
                answer += await self._reader.readexactly(size)
                await self._reader.readline()
            await self._reader.readline()
        else:
            answer = await self._reader.readexactly(int(headers["content-length"]))
        if " 200 " not in f"{lines[0]} ":
            raise ServerClosed(f"{method} was answered {lines[0]!r}: {answer[:200]!r}")
        return answer.decode()

    def close(self) -> None:
        self._writer.close()


class PollingClient:
    """A client in the namespace."""

    def __init__(self, port: int, user_id: str, role: str, jwt_key: str) -> None:
        self.arrived: asyncio.Queue[str] = asyncio.Queue()
        self._getting, self._posting = Http(port), Http(port)
        query = {"EIO": "4", "transport": "polling", "user_id": user_id, "user_role": role}
        query["token"] = load.token(user_id, role, jwt_key)
        self._target = f"{load.SOCKET_PATH}/?{urllib.parse.urlencode(query)}"

    async def open(self) -> None:
        """Begin a session and join the namespace; poll from then on."""
        await self._getting.open()
        await self._posting.open()
        opened = await self._getting.request("GET", self._target)
        self._target += "&sid=" + opened.partition('"sid":"')[2].partition('"')[0]
        await self.send(f"40{load.NAMESPACE},")
        joined = await self._getting.request("GET", self._target)
        if joined.startswith("2"):  # socketioxide pings before it answers
            await self.send("3")
        if f"40{load.NAMESPACE}," not in joined:
            raise ServerClosed(f"the namespace was refused: {joined[:200]!r}")
        self._polling = asyncio.create_task(self._poll())

    async def send(self, packet: str) -> None:
        await self._posting.request("POST", self._target, packet)

    async def _poll(self) -> None:
        while True:
            for packet in (await self._getting.request("GET", self._target)).split(SEPARATOR):
                if packet == "2":
                    await self.send("3")
                else:
                    self.arrived.put_nowait(packet)

    def close(self) -> None:
        self._polling.cancel()
        self._getting.close()
        self._posting.close()


async def measure(port: int, people: list[load.Pair], jwt_key: str, timing: load.Timing) -> load.Throughput:
    """`typing` from buyers who post to sellers who poll, one in flight a pair."""
    clients = [
        (PollingClient(port, pair.buyer, "BUYER", jwt_key), PollingClient(port, pair.seller, "SELLER", jwt_key))
        for pair in people
    ]
    for client in [client for pair in clients for client in pair]:
        await client.open()
    waits: deque[float] = deque()

    async def relay(pair: load.Pair, buyer: PollingClient, seller: PollingClient) -> None:
        head = f'42{load.NAMESPACE},["typing"'
        typing = f'{head},{{"room_id":"{pair.room_id}","from":"{pair.buyer}","to":"{pair.seller}"}}]'
        while True:
            began = time.perf_counter()
            await buyer.send(typing)
            while not (await seller.arrived.get()).startswith(head):
                pass
            waits.append(time.perf_counter() - began)

    relaying = [asyncio.create_task(relay(pair, *both)) for pair, both in zip(people, clients, strict=True)]
    await asyncio.sleep(timing.warm_up)
    waits.clear()
    began, worked = time.perf_counter(), timing.work()
    await asyncio.sleep(timing.seconds)
    seen, seconds, worked = list(waits), time.perf_counter() - began, timing.work() - worked
    for task in relaying:
        task.cancel()
    for client in [client for pair in clients for client in pair]:
        client.close()
    return load.Throughput(len(seen), seconds, 0, seen, worked)
