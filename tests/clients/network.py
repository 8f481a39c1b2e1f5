"""What lies between clients and servers: a load balancer without affinity, and a network that can fail."""

import asyncio
import re

from .tcp_proxy import End, TCPProxy

_KEEP_ALIVE = re.compile(rb"\r\nconnection: *keep-alive", re.IGNORECASE)
_ON_ITS_WAY = 64
"""Pieces of data that may be on their way in one direction of one connection."""


class Network(TCPProxy):
    """A proxy that can be silent, and slow.

    With several targets no connection carries a second request: each goes to the next, whatever session it belongs to.
    """

    def __init__(self, *targets: str) -> None:
        super().__init__(*targets)
        self._flows = asyncio.Event()
        self._flows.set()
        self._latency = 0.0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.address}"

    def silence(self) -> None:
        """Carry nothing any more, and tell nobody."""
        self._flows.clear()

    def slow(self, seconds: float) -> None:
        """Let what goes in either direction take so long from now on."""
        self._latency = seconds

    def mend(self) -> None:
        """Carry what comes, at once; what was held back comes now."""
        super().mend()
        self._latency = 0.0
        self._flows.set()

    async def forward(self, client: End, server: End) -> None:
        """Pass on what a client sends."""
        if len(self.targets) > 1:
            # A kept connection would be affinity of a kind.
            head = await client.reader.readuntil(b"\r\n\r\n")
            server.writer.write(_KEEP_ALIVE.sub(b"\r\nConnection: close", head))
        await self.carry(client.reader, server.writer)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one direction, in its time."""
        on_its_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_ITS_WAY)
        tasks = [
            asyncio.create_task(self._take(reader, on_its_way)),
            asyncio.create_task(self._deliver(on_its_way, writer)),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await self._flows.wait()  # a silent network does not tell of an end either
            writer.close()

    async def _take(self, reader: asyncio.StreamReader, on_its_way: asyncio.Queue[tuple[float, bytes]]) -> None:
        while data := await reader.read(65536):
            await on_its_way.put((asyncio.get_running_loop().time(), data))
        await on_its_way.put((asyncio.get_running_loop().time(), b""))

    async def _deliver(self, on_its_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sent, data = await on_its_way.get()
            while self._latency and (left := sent + self._latency - loop.time()) > 0:
                await asyncio.sleep(left)
            await self._flows.wait()
            if not data:
                return
            writer.write(data)
            await writer.drain()
