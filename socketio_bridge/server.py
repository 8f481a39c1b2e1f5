"""The server: an application's namespaces as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from django.core.exceptions import ImproperlyConfigured

from socketio_bridge.adapter import broadcast_acks, remote_sockets, server_events
from socketio_bridge.adapter.adapter import current_hub
from socketio_bridge.namespace import Namespace
from socketio_bridge.options import Options
from socketio_bridge.recovery.recovery import Recovery
from socketio_bridge.transports.handshake import Handshake, HandshakeRefused
from socketio_bridge.transports.polling import PollingConsumer
from socketio_bridge.transports.remote_session import RemoteSession, find_remote_session
from socketio_bridge.transports.session import Session
from socketio_bridge.transports.stop_signals import StopSignals
from socketio_bridge.transports.websocket import WebSocketConsumer, deny

logger = logging.getLogger(__name__)

_FINISHING = 2.0  # seconds that requests which were let go have for their answers

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class SocketIOServer:
    """Serves Socket.IO clients of the given namespaces.

    An instance is itself an ASGI application for its path, to be put into a Channels router or wrapped in Channels
    middleware; or let `mount` put it beside Django. Raises `ImproperlyConfigured` for two namespaces of one path or a
    path without its leading slash.
    """

    def __init__(self, namespaces: Iterable[Namespace], *, options: Options | None = None) -> None:
        self.options = options or Options.from_settings()
        self.namespaces: dict[str, Namespace] = {}
        self.dynamic_namespaces: list[Namespace] = []
        for namespace in namespaces:
            if namespace.dynamic:
                self.dynamic_namespaces.append(namespace)
                continue
            if not namespace.path.startswith("/"):
                raise ImproperlyConfigured(
                    f"{type(namespace).__name__}.path is {namespace.path!r}; it must start with a slash."
                )
            if namespace.path in self.namespaces:
                raise ImproperlyConfigured(f"Two namespaces have the path {namespace.path!r}.")
            self.namespaces[namespace.path] = namespace
        self._finishing: set[asyncio.Task[None]] = set()
        self._polled: set[Session | RemoteSession] = set()
        self._stopping = False
        self._started: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self.startup()
        consumer = WebSocketConsumer(self) if scope["type"] == "websocket" else PollingConsumer(self)
        await consumer(scope, receive, send)

    def begin_session(self, handshake: Handshake) -> Session:
        """Make a session for a client that has none. Raises `HandshakeRefused`."""
        if self._stopping:
            raise HandshakeRefused.stopping()
        return Session(self, handshake, handshake.revision(self.options))

    async def find_session(self, handshake: Handshake) -> Session | RemoteSession:
        """The session that a request belongs to by its `sid`, wherever it lives. Raises `HandshakeRefused`."""
        hub = current_hub()
        sid = handshake.query["sid"]
        if sid in hub.sessions:
            hub.sessions[sid].keep_time()
        session = hub.sessions.get(sid) or await find_remote_session(hub, sid)
        if session is None:
            raise HandshakeRefused.unknown_session()
        if session.revision != handshake.revision(self.options):
            raise HandshakeRefused.bad_request()
        return session

    def find_namespace(self, path: str) -> Namespace | None:
        """The namespace that serves a path, if one does: the one that has it, or the first dynamic one that says so."""
        if path in self.namespaces:
            return self.namespaces[path]
        for namespace in self.dynamic_namespaces:
            try:
                if namespace.serves(path):
                    return namespace
            except Exception:
                logger.exception("%s cannot tell whether it serves %.80r.", type(namespace).__name__, path)
        return None

    def mount(
        self,
        path: str,
        *,
        beside: Callable[..., Awaitable[None]],  # which is how Django's and Starlette's own types come together
        middleware: Callable[[ASGIApplication], Any] | None = None,
    ) -> ASGIApplication:
        """An ASGI application that serves Socket.IO at `path`, with or without a slash at its end, and `beside`
        everywhere else.

        `middleware` wraps Socket.IO alone: Channels' `AuthMiddlewareStack` puts `session` and `user` into
        `handshake.scope`.
        """
        own_path = "/" + path.strip("/")
        served: ASGIApplication = self if middleware is None else middleware(self)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            elif scope["path"].rstrip("/") == own_path:
                await served(scope, receive, send)
            elif scope["type"] == "websocket":
                refusal = HandshakeRefused(3, f"Bad request: Socket.IO is served at {own_path}", status=404)
                await deny(scope, receive, send, refusal)
            else:
                await beside(scope, receive, send)

        return application

    @contextmanager
    def polling(self, session: Session | RemoteSession) -> Iterator[None]:
        """While a poll of a session is open here: it is let go when the process is told to stop."""
        self._polled.add(session)
        try:
            if self._stopping:
                session.release()
            yield
        finally:
            self._polled.discard(session)

    def stop_serving(self) -> None:
        """The process is told to stop: end the sessions here, and let the polls of others go, whose clients go on
        elsewhere. It must not wait for them.
        """
        self._stopping = True
        for session in self._sessions():
            session.close("server shutting down")
        for polled in list(self._polled):
            polled.release()

    def let_finish(self) -> None:
        """Have `shutdown` wait, for a moment, until the running task is done."""
        task = asyncio.current_task()
        if task is not None:
            self._finishing.add(task)
            task.add_done_callback(self._finishing.discard)

    async def startup(self) -> None:
        """Start this event loop's hub and the namespaces, once."""
        loop = asyncio.get_running_loop()
        if loop not in self._started:
            self._started[loop] = loop.create_task(self._start())
        await asyncio.shield(self._started[loop])

    async def shutdown(self) -> None:
        """Stop what `startup` started."""
        self._started.pop(asyncio.get_running_loop(), None)
        sessions = self._sessions()
        for session in sessions:
            session.close("server shutting down")
        for session in sessions:
            await session.finish()
        loop = asyncio.get_running_loop()
        if finishing := [task for task in self._finishing if task.get_loop() is loop]:
            await asyncio.wait(finishing, timeout=_FINISHING)
        for namespace in (*self.namespaces.values(), *self.dynamic_namespaces):
            try:
                await namespace.on_shutdown()
            except Exception:
                logger.exception("on_shutdown of %s failed.", type(namespace).__name__)
        await current_hub().stop()

    def _sessions(self) -> list[Session]:
        return [session for session in current_hub().sessions.values() if session.server is self]

    async def _start(self) -> None:
        self._stopping = False
        try:
            hub = current_hub()
            broadcast_acks.serve(hub)
            remote_sockets.serve(hub)
            server_events.serve(hub, self)
            await hub.start()
            if self.options.max_disconnection_duration is not None and hub.recovery is None:
                recovery = Recovery(hub, self.options)
                await recovery.start()
                hub.recovery = recovery
            for namespace in (*self.namespaces.values(), *self.dynamic_namespaces):
                await namespace.on_startup()
        except BaseException:
            # The next connection tries again.
            self._started.pop(asyncio.get_running_loop(), None)
            raise

    async def _live(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan protocol."""
        signals = StopSignals(asyncio.get_running_loop(), self.stop_serving)
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.startup()
                except Exception as error:  # or servers would take it for an application without a lifespan, and serve
                    logger.exception("The Socket.IO server cannot start.")
                    await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
                    return
                signals.listen()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.shutdown()
                signals.forget()
                await send({"type": "lifespan.shutdown.complete"})
                return
