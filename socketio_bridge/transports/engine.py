"""The Engine.IO side of a server: it opens sessions, finds those that requests name, and ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from socketio_bridge.adapter.adapter import current_adapter
from socketio_bridge.handshake import Handshake
from socketio_bridge.options import Options
from socketio_bridge.sockets.interfaces import Handlers
from socketio_bridge.sockets.socket import Socket
from socketio_bridge.transports.handshake import HandshakeRefused, ask_application, revision_of
from socketio_bridge.transports.interfaces import AnySession
from socketio_bridge.transports.session import Session
from socketio_bridge.transports.session_registry import find_session, new_session_id, registry_of

_FINISHING = 2.0  # seconds that requests which were let go have for their answers


class Engine:
    """What the consumers of one server share.

    Args:
        options: the server's.
        find_namespace: gives the handlers of a namespace by its path, if there are any.
    """

    def __init__(self, options: Options, find_namespace: Callable[[str], Handlers[Socket] | None]) -> None:
        self.options = options
        self.find_namespace = find_namespace
        self._finishing: set[asyncio.Task[None]] = set()
        self._polled: set[AnySession] = set()
        self._stopping = False

    def start(self) -> None:
        """Open sessions from now on."""
        self._stopping = False

    async def begin_session(self, handshake: Handshake) -> Session:
        """Make a session for a client that has none. Raises `HandshakeRefused`."""
        revision = revision_of(handshake, self.options)
        await ask_application(handshake, self.options)
        if self._stopping:
            raise HandshakeRefused.unavailable("the server is shutting down")
        adapter = current_adapter()
        return Session(self, adapter, registry_of(adapter).sessions, new_session_id(adapter), handshake, revision)

    async def find_session(self, handshake: Handshake) -> AnySession:
        """The session that a request belongs to by its `sid`, wherever it lives. Raises `HandshakeRefused`."""
        session = await find_session(current_adapter(), handshake.query["sid"])
        if session is None:
            raise HandshakeRefused.unknown_session(handshake.query["sid"])
        if session.revision != revision_of(handshake, self.options):
            raise HandshakeRefused.bad_request("PROTOCOL_MISMATCH", protocol=handshake.query.get("EIO"))
        return session

    @contextmanager
    def polling(self, session: AnySession) -> Iterator[None]:
        """While a poll of a session is open here: a signal to stop ends it."""
        self._polled.add(session)
        try:
            if self._stopping:
                session.release()
            yield
        finally:
            self._polled.discard(session)

    def let_finish(self) -> None:
        """Have `stop` wait, for a moment, until the running task is done."""
        task = asyncio.current_task()
        if task is not None:
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

    def begin_stop(self) -> None:
        """End the sessions here, and let the polls of others go, whose clients go on elsewhere; open no more."""
        self._stopping = True
        for session in self._sessions():
            session.close("server shutting down")
        for polled in list(self._polled):
            polled.release()

    async def stop(self) -> None:
        """End the sessions here; return when their handlers have ended and open requests are answered."""
        sessions = self._sessions()
        for session in sessions:
            session.close("server shutting down")
        for session in sessions:
            await session.finish()
        loop = asyncio.get_running_loop()
        if finishing := [task for task in self._finishing if task.get_loop() is loop]:
            await asyncio.wait(finishing, timeout=_FINISHING)

    def _sessions(self) -> list[Session]:
        return [session for session in registry_of(current_adapter()).sessions.values() if session.engine is self]
