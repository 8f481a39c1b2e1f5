"""A way to Redis on which chosen commands can be held: what is sent behind them on the same connection waits, too."""

import asyncio

from .tcp_proxy import End, TCPProxy


class HeldRedis(TCPProxy):
    """Passes connections on to the Redis of a URL."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._held: tuple[bytes, ...] = ()

    @property
    def url(self) -> str:
        """What clients connect to: the same database of the same Redis."""
        return f"redis://{self.address}{self.targets[0].path}"

    def hold(self, *commands: str) -> None:
        """From now on these commands do not come through."""
        self._held = tuple(f"\r\n{command}\r\n".encode() for command in commands)

    async def forward(self, client: End, server: End) -> None:
        """Pass on what is not held."""
        while data := await client.reader.read(65536):
            if any(command in data for command in self._held):
                await asyncio.Event().wait()
            server.writer.write(data)
            await server.writer.drain()
        server.writer.close()
