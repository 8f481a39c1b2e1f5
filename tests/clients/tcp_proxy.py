"""A TCP proxy that can break what passes; what else may happen on the way, its subclasses say."""

import asyncio
import contextlib
import itertools
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit


class End(NamedTuple):
    """One end of a connection: that of the client, or that of the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class TCPProxy:
    """Passes each connection on to the next of `targets`, which are URLs; the first one that answers takes it.

    A subclass may pass on the two directions of a connection in ways of its own, by `forward` and `backward`.
    """

    def __init__(self, *targets: str) -> None:
        self.targets = [urlsplit(target) for target in targets]
        self._turns = itertools.count()
        self._up = True
        self._ends: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Host and port where it listens."""
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

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

    def mend(self) -> None:
        """Let connections come about again."""
        self._up = True

    async def forward(self, client: End, server: End) -> None:
        """Pass on what a client sends, until it sends no more."""
        await self.carry(client.reader, server.writer)

    async def backward(self, client: End, server: End) -> None:
        """Pass on what the server sends, until it sends no more."""
        await self.carry(server.reader, client.writer)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one direction, and its end."""
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        client, ends, directions = End(reader, writer), [writer], list[asyncio.Task[None]]()
        self._ends.add(writer)
        try:
            if self._up:
                server = End(*await self._connect())
                ends.append(server.writer)
                self._ends.add(server.writer)
                directions += [
                    asyncio.create_task(self.forward(client, server)),
                    asyncio.create_task(self.backward(client, server)),
                ]
                await asyncio.gather(*directions)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            for direction in directions:
                direction.cancel()
            for end in ends:
                self._ends.discard(end)
                end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        turn = next(self._turns) % len(self.targets)
        for target in (*self.targets[turn:], *self.targets[:turn]):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(target.hostname, target.port)
        raise ConnectionRefusedError("no server answers")
