"""A network between clients and one server that can be cut, and can go silent."""

import asyncio
from types import TracebackType
from typing import Self


class Network:
    """Passes TCP connections on to a port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._up = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
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
                back, there = await asyncio.open_connection("127.0.0.1", self._port)
                self._ends.add(there)
                await asyncio.gather(self._carry(reader, there), self._carry(back, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            for end in (writer, there):
                if end is not None:
                    self._ends.discard(end)
                    end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        finally:
            await self._flows.wait()  # a silent network does not tell of an end either
            writer.close()
