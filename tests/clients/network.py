"""What lies between clients and servers: a load balancer without affinity, and a network that can fail."""

import asyncio
import contextlib
import itertools
import re
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_KEEP_ALIVE = re.compile(rb"\r\nconnection: *keep-alive", re.IGNORECASE)
_ON_ITS_WAY = 64
"""Pieces of data that may be on their way in one direction of one connection."""


class Network:
    """Passes each TCP connection on to the next of `targets`, which are URLs; the first one that answers takes it.

    With several of them no connection carries a second request: each goes to the next, whatever session it belongs to.
    """

    def __init__(self, *targets: str) -> None:
        self._targets = [urlsplit(target) for target in targets]
        self._turns = itertools.count()
        self._up = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._latency = 0.0
        self._ends: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    @property
    def address(self) -> str:
        """Host and port where it listens."""
        return self.url.removeprefix("http://")

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        for task in self._serving:
            task.cancel()

    def reset(self) -> None:
        """Break all connections; new ones may come about."""
        for writer in self._ends:
            writer.transport.abort()

    def cut(self) -> None:
        """Break all connections, and let none come about."""
        self._up = False
        self.reset()

    def silence(self) -> None:
        """Carry nothing any more, and tell nobody."""
        self._flows.clear()

    def slow(self, seconds: float) -> None:
        """Let what goes in either direction take so long from now on."""
        self._latency = seconds

    def mend(self) -> None:
        """Carry what comes, at once; what was held back comes now."""
        self._up = True
        self._latency = 0.0
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._ends.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            if self._up:
                head = b""
                if len(self._targets) > 1:
                    # A kept connection would be affinity of a kind.
                    head = _KEEP_ALIVE.sub(b"\r\nConnection: close", await reader.readuntil(b"\r\n\r\n"))
                back, there = await self._connect()
                self._ends.add(there)
                there.write(head)
                await asyncio.gather(self._carry(reader, there), self._carry(back, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            for end in (writer, there):
                if end is not None:
                    self._ends.discard(end)
                    end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        turn = next(self._turns) % len(self._targets)
        for target in (*self._targets[turn:], *self._targets[:turn]):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(target.hostname, target.port)
        raise ConnectionRefusedError("no server answers")

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
