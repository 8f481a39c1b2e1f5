"""A bare WebSocket that speaks Engine.IO by hand, for what no decent client would send."""

import asyncio
import json
import urllib.parse
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .client import CHAT, PATH, WITHIN


class RawSocket:
    """A WebSocket to the Engine.IO path. `engine` is the EIO version; entering waits for the OPEN packet."""

    def __init__(self, url: str, *, engine: int, query: Mapping[str, Any] | None = None, path: str = PATH) -> None:
        self._query = dict(query or {})
        parameters = urllib.parse.urlencode({"EIO": engine, "transport": "websocket", **self._query})
        self._address = f"{url.replace('http', 'ws', 1)}{path}/?{parameters}"
        self._engine = engine
        self._connection: ClientConnection
        self.open_packet: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        self._connection = await connect(self._address, proxy=None, ping_interval=None, max_size=None)
        self.open_packet = json.loads((await self.receive())[1:])
        if self._engine == 3:
            await self.receive_packet("40")  # 2.x servers put every client into "/" unasked
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def send(self, frame: str | bytes) -> None:
        """Send one text or binary frame, as it is."""
        await self._connection.send(frame)

    async def receive(self, within: float = WITHIN) -> str:
        """The next text frame. Raises TimeoutError, or ConnectionClosed when the server has closed."""
        frame = await asyncio.wait_for(self._connection.recv(), within)
        return frame if isinstance(frame, str) else frame.decode("latin-1")

    async def receive_packet(self, start: str, within: float = WITHIN) -> str:
        """The next frame that begins with `start`; others are skipped. Raises as `receive` does."""
        async with asyncio.timeout(within):
            while not (frame := await self.receive(within)).startswith(start):
                pass
            return frame

    async def join(self, namespace: str = CHAT) -> str:
        """Connect to a namespace with the query's identity; the server's CONNECT packet."""
        query = urllib.parse.urlencode(self._query)
        await self.send(f"40{namespace}?{query}," if self._engine == 3 else f"40{namespace},")
        return await self.receive_packet(f"40{namespace}")

    async def closed(self, within: float = WITHIN) -> int | None:
        """Wait until the server closes the WebSocket; the close code (None: it just went away)."""
        try:
            async with asyncio.timeout(within):
                while True:
                    await self._connection.recv()
        except ConnectionClosed:
            return self._connection.close_code
