"""A load balancer without affinity: every request goes to the next server, whatever session it belongs to."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_KEEP_ALIVE = re.compile(rb"\r\nconnection: *keep-alive", re.IGNORECASE)


class RoundRobin:
    """Passes each connection on to the next of `targets`, and lets none carry a second request."""

    def __init__(self, targets: Sequence[str]) -> None:
        self._targets = [urlsplit(target) for target in targets]
        self._turns = itertools.count()
        self._open: set[asyncio.Task[None]] = set()

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
        for task in self._open:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            # A kept connection would be affinity of a kind.
            head = _KEEP_ALIVE.sub(b"\r\nConnection: close", head)
            backend_reader, backend_writer = await self._connect()
            backend_writer.write(head)
            await asyncio.gather(_copy(reader, backend_writer), _copy(backend_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the next server that answers."""
        turn = next(self._turns) % len(self._targets)
        for target in (*self._targets[turn:], *self._targets[:turn]):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(target.hostname, target.port)
        raise ConnectionRefusedError("no server answers")


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
