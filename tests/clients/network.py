"""What lies between clients and servers: a load balancer without affinity, and a network that can fail."""

import asyncio
import contextlib
import itertools
import re
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_KEEP_ALIVE = re.compile(rb"\r\nconnection: *keep-alive", re.IGNORECASE)


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
        self._ends: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

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

    def cut(self) -> None:
        """Break all connections, and let none come about."""
        self._up = False
        for writer in self._ends:
            writer.transport.abort()

    def silence(self) -> None:
        """Carry nothing any more, and tell nobody."""
        self._flows.clear()

    def mend(self) -> None:
        """Carry what comes; what was held back comes now."""
        self._up = True
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
        try:
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        finally:
            await self._flows.wait()  # a silent network does not tell of an end either
            writer.close()
