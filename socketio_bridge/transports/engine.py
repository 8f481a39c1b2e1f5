"""The Engine.IO side of a server: it opens sessions, finds those that requests name, and ends them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from socketio_bridge.adapter.adapter import current_adapter
from socketio_bridge.handshake import Handshake
from socketio_bridge.options import Options
from socketio_bridge.sockets.interfaces import Handlers
from socketio_bridge.sockets.socket import Socket
from socketio_bridge.transports.handshake import HandshakeRefused, ask_application, revision_of
from socketio_bridge.transports.interfaces import AnySession
from socketio_bridge.transports.session import Session
from socketio_bridge.transports.session_registry import find_session, new_session_id, registry_of

GOING_DOWN = "server shutting down"
"""The reason for which sockets leave a process that stops."""

_SLICE = 0.1  # seconds between two slices of sessions that are ended
_SMALLEST_SLICE = 20  # sessions; so few may come back elsewhere at once, and a process with few stops soon
_SPREAD = 0.5  # the part of the window in which all sessions are asked to end
_PATIENCE = 0.6  # the part of it in which they may; the ASGI server and the namespaces have the rest
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
        self._served: set[AnySession] = set()  # by a WebSocket here, also those of other processes
        self._stopping = False  # opens no more sessions
        self._stopped = False  # holds no more polls

    def start(self) -> None:
        """Open sessions from now on."""
        self._stopping = self._stopped = False

    async def begin_session(self, handshake: Handshake) -> Session:
        """Make a session for a client that has none. Raises `HandshakeRefused`."""
        revision = revision_of(handshake, self.options)
        adapter = current_adapter()
        registry = registry_of(adapter)
        await registry.newcomers.wait()
        await ask_application(handshake, self.options)
        if self._stopping:
            raise HandshakeRefused.unavailable("the server is shutting down")
        return Session(self, adapter, registry.sessions, new_session_id(adapter), handshake, revision)

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
            if self._stopped:
                session.release()
            yield
        finally:
            self._polled.discard(session)

    @contextmanager
    def serving(self, session: AnySession) -> Iterator[None]:
        """While a WebSocket here carries a session, wherever that lives: `drain` ends it."""
        self._served.add(session)
        try:
            yield
        finally:
            self._served.discard(session)

    def let_finish(self) -> None:
        """Have `stop` wait, for a moment, until the running task is done."""
        task = asyncio.current_task()
        if task is not None:
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

    async def drain(self, window: float) -> None:
        """Open no more sessions, and end those here in slices, lest all clients come back elsewhere at once.

        Returns when all have ended and their handlers, too, or when most of the window is over.

        Args:
            window: Seconds.
        """
        self._stopping = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        asked: set[AnySession] = set()
        while (here := {*self.sessions(), *self._served}) and (passed := loop.time() - began) < _PATIENCE * window:
            waiting = here - asked
            slices_left = max(1.0, (_SPREAD * window - passed) / _SLICE)
            size = max(_SMALLEST_SLICE, math.ceil(len(waiting) / slices_left))
            for session in islice(waiting, size):
                session.drain(GOING_DOWN)
                asked.add(session)
            await asyncio.sleep(_SLICE)

    def begin_stop(self) -> None:
        """End the sessions here, and let the polls of others go, whose clients go on elsewhere; open no more."""
        self._stopping = self._stopped = True
        for session in self.sessions():
            session.close(GOING_DOWN)
        for polled in list(self._polled):
            polled.release()

    async def stop(self) -> None:
        """End the sessions here; return when their handlers have ended and open requests are answered."""
        sessions = self.sessions()
        for session in sessions:
            session.close(GOING_DOWN)
        for session in sessions:
            await session.finish()
        loop = asyncio.get_running_loop()
        if finishing := [task for task in self._finishing if task.get_loop() is loop]:
            await asyncio.wait(finishing, timeout=_FINISHING)

    def sessions(self) -> list[Session]:
        """The open sessions of this engine."""
        return [session for session in registry_of(current_adapter()).sessions.values() if session.engine is self]
