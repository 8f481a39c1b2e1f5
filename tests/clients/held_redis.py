"""A way to Redis on which chosen commands can be held: what is sent behind them on the same connection waits, too."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class HeldRedis:
    """Passes connections on to the Redis of a URL."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._held: tuple[bytes, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What clients connect to: the same database of the same Redis."""
        host, port = self._server.sockets[0].getsockname()
        return f"redis://{host}:{port}{self._target.path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    def hold(self, *commands: str) -> None:
        """From now on these commands do not come through."""
        self._held = tuple(f"\r\n{command}\r\n".encode() for command in commands)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        back, there = await asyncio.open_connection(self._target.hostname, self._target.port)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await asyncio.gather(self._carry(reader, there, held=True), self._carry(back, writer))
        self._tasks.discard(task)
        writer.close()
        there.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, held: bool = False) -> None:
        try:
            while data := await reader.read(65536):
                if held and any(command in data for command in self._held):
                    await asyncio.Event().wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
