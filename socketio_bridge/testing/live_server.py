"""A live server for tests: the project's ASGI application on a port of this machine, on the test's database."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from asgiref.sync import sync_to_async
from django.db import connections

from socketio_bridge.options import Options

STARTING = 10.0
"""Seconds that the server has to start, and to stop."""


class LiveServer:
    """Serves an ASGI application by uvicorn, in a thread with an event loop of its own: to the bridge, a process.

        with LiveServer(application) as server:
            async with SocketIOCommunicator(server.url, "/orders") as client:

    Views and handlers use the test's database by connections of their own, so what a test writes must be committed: a
    `TransactionTestCase`, or pytest-django's `transactional_db`. What the test itself emits reaches the server by the
    channel layer, as from any other process: within a second with the layer in memory, which wakes no other thread.

    Args:
        application: What `ASGI_APPLICATION` names: it handles the ASGI lifespan, as `SocketIOServer.mount` does.
        options: How uvicorn is to serve; by default what `settings.SOCKETIO` says.

    Attributes:
        port: The port on 127.0.0.1.
        url: The address, without a slash at its end.

    Raises:
        RuntimeError: The server did not start. Its log says why.
    """

    def __init__(self, application: Any, *, options: Options | None = None) -> None:
        import uvicorn  # which projects that never serve by it need not have

        arguments = (options or Options.from_settings()).for_uvicorn()
        config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="warning", lifespan="on", **arguments)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="socketio-live-server", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + STARTING
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the live server did not start; see its log")
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(STARTING)

    @property
    def url(self) -> str:
        """Where the server is."""
        return f"http://127.0.0.1:{self.port}"

    def cut_connections(self) -> None:
        """Break all connections, as a network would: without a word of Socket.IO's or of WebSocket's. Clients of it
        that may connect again do.
        """
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            with suppress(SystemExit):  # by which uvicorn ends where the application does not start
                runner.run(self._serve())

    async def _serve(self) -> None:
        await self._server.serve()
        await sync_to_async(connections.close_all)()  # or the test's database could not be dropped


def session_headers(client: Any) -> dict[str, str]:
    """The headers by which a socket has the session of Django's test client, which has logged in.

        client.force_login(ann)
        async with SocketIOCommunicator(application, "/orders", headers=session_headers(client)) as socket:

    Args:
        client: `django.test.Client`, or an `AsyncClient`.
    """
    return {"cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())}
