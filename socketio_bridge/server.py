"""The server: an application's namespaces as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from importlib import import_module
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from socketio_bridge.adapter import broadcast_acks, remote_sockets, server_events
from socketio_bridge.adapter.adapter import current_adapter, find_adapter
from socketio_bridge.garbage_collection import CollectorForServing
from socketio_bridge.namespace import Namespace
from socketio_bridge.options import Options
from socketio_bridge.recovery.recovery import Recovery
from socketio_bridge.signals import server_stopping
from socketio_bridge.statistics import Statistics, statistics
from socketio_bridge.transports import session_registry
from socketio_bridge.transports.client_files import CLIENT_FILES, serve_client_file
from socketio_bridge.transports.engine import Engine
from socketio_bridge.transports.handshake import HandshakeRefused
from socketio_bridge.transports.polling import PollingConsumer
from socketio_bridge.transports.stop_signals import StopSignals
from socketio_bridge.transports.websocket import WebSocketConsumer, deny
from socketio_bridge.users import following

logger = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class SocketIOServer:
    """An ASGI application that serves Socket.IO.

        server = SocketIOServer([OrderEvents(), ShopEvents()])
        application = server.mount("/socket.io", beside=get_asgi_application())

    `mount` puts it beside Django. The instance itself serves HTTP requests and WebSockets at whatever path they come
    to, so that it can stand in a Channels router instead.

    Args:
        namespaces: The namespaces to serve, one instance each.
        options: How to behave; by default what `settings.SOCKETIO` says.

    Attributes:
        options: The options.
        namespaces: The namespaces that have a path, by path.
        dynamic_namespaces: The others, in the order in which they are asked.

    Raises:
        ImproperlyConfigured: Two namespaces have the same path, a path has no leading slash, or `settings.SOCKETIO` is
            wrong.
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
        self._engine = Engine(self.options, self.find_namespace)
        self._started: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self._is_client_file(scope):
            await serve_client_file(scope, send, self.options)
            return
        await self.startup()
        consumer = WebSocketConsumer(self._engine) if scope["type"] == "websocket" else PollingConsumer(self._engine)
        await consumer(scope, receive, send)

    def find_namespace(self, path: str) -> Namespace | None:
        """Find the namespace that serves a path.

        Args:
            path: The path that a client asks for.

        Returns:
            The namespace with that path, or the first dynamic one that serves it; None: there is none.
        """
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
        """Make an ASGI application that serves Socket.IO at one path and another application everywhere else.

        Below that path are the files of Socket.IO's JavaScript client (`/socket.io/socket.io.js`), unless
        `Options.serve_client` is off. The application handles the ASGI lifespan: it starts the server, and stops it
        without waiting for open polls. At SIGTERM and SIGINT it drains (`drain`) before the ASGI server stops.

        Args:
            path: The path of Socket.IO, with or without slashes around it.
            beside: The other application, such as Django.
            middleware: Wraps Socket.IO alone. Channels' `AuthMiddlewareStack` puts `session` and `user` into
                `socket.handshake.scope`.
        """
        own_path = "/" + path.strip("/")
        served: ASGIApplication = self if middleware is None else middleware(self)

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await self._live(receive, send)
            elif scope["path"].rstrip("/") == own_path:
                await served(scope, receive, send)
            elif self._is_client_file(scope) and scope["path"].rpartition("/")[0] == own_path:
                await self(scope, receive, send)
            elif scope["type"] == "websocket":
                refusal = HandshakeRefused(3, f"Bad request: Socket.IO is served at {own_path}", status=404)
                await deny(scope, receive, send, refusal)
            else:
                await beside(scope, receive, send)

        return application

    async def drain(self) -> None:
        """Refuse new connections, and have the clients here connect again to another process, some at a time.

        What they have sent is handled and answered before. Returns when all have left and their handlers have ended,
        after two thirds of `Options.shutdown_window` at the latest; who is left then is cut off, as by `stop_serving`.
        The signal `server_stopping` is sent first.
        """
        try:
            await server_stopping.asend_robust(sender=type(self), server=self)
            await self._engine.drain(self.options.shutdown_window)
        finally:
            self.stop_serving()

    def stop_serving(self) -> None:
        """Stop without a drain: end the sessions here, and answer the open polls of sessions that live elsewhere.

        The process need not wait for either; `shutdown` does the rest.
        """
        self._engine.begin_stop()

    def statistics(self) -> Statistics:
        """Count the sockets here, by kind, and what waits for them; in the server's event loop."""
        adapter = find_adapter()
        nodes = 0 if adapter is None else len(adapter.cluster.nodes)
        return statistics(self._engine.sessions(), self._label, nodes)

    async def startup(self) -> None:
        """Start this event loop's adapter and the namespaces, once."""
        loop = asyncio.get_running_loop()
        if loop not in self._started:
            self._started[loop] = loop.create_task(self._start())
        await asyncio.shield(self._started[loop])

    async def shutdown(self) -> None:
        """Stop what `startup` started."""
        self._started.pop(asyncio.get_running_loop(), None)
        await self._engine.stop()
        for namespace in (*self.namespaces.values(), *self.dynamic_namespaces):
            try:
                await namespace.on_shutdown()
            except Exception:
                logger.exception("on_shutdown of %s failed.", type(namespace).__name__)
        following.stop(current_adapter())
        await current_adapter().stop()

    async def _start(self) -> None:
        self._engine.start()
        try:
            if apps.ready and not apps.is_installed("socketio_bridge"):
                logger.warning(
                    '"socketio_bridge" is not in INSTALLED_APPS: its system checks and its management commands are '
                    "missing."
                )
            adapter = current_adapter()
            broadcast_acks.serve(adapter)
            remote_sockets.serve(adapter)
            server_events.serve(adapter, self)
            session_registry.serve(adapter)
            following.serve(adapter, follow_session=self.options.follow_session)
            adapter.on_gap = self._missed
            await adapter.start()
            if self.options.max_disconnection_duration is not None and adapter.hooks is None:
                await Recovery(adapter, self.options).start()
            for namespace in (*self.namespaces.values(), *self.dynamic_namespaces):
                await namespace.on_startup()
        except BaseException:
            # The next connection tries again.
            self._started.pop(asyncio.get_running_loop(), None)
            raise

    def _is_client_file(self, scope: Scope) -> bool:
        name = scope["path"].rpartition("/")[2]
        return self.options.serve_client and scope["type"] == "http" and name in CLIENT_FILES

    def _label(self, path: str) -> str:
        namespace = self.find_namespace(path)
        return "" if namespace is None else namespace.label

    def _missed(self, since: float) -> None:
        for namespace in (*self.namespaces.values(), *self.dynamic_namespaces):
            try:
                namespace.on_gap(since)
            except Exception:
                logger.exception("on_gap of %s failed.", type(namespace).__name__)

    async def _live(self, receive: Receive, send: Send) -> None:
        """The ASGI lifespan protocol."""
        signals = StopSignals(asyncio.get_running_loop(), self.drain, self.options.shutdown_window)
        collector = CollectorForServing()
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
                if self.options.tune_garbage_collector:
                    collector.begin()
                await send({"type": "lifespan.startup.complete"})
            else:
                collector.end()
                await self.shutdown()
                signals.forget()
                await send({"type": "lifespan.shutdown.complete"})
                return


def find_servers() -> list[SocketIOServer]:
    """Find the servers at the top level of the module that `settings.ASGI_APPLICATION` names.

    Raises:
        Exception: What importing the module raises; `ValueError` where the setting names none.
    """
    module = import_module(str(settings.ASGI_APPLICATION).rpartition(".")[0])
    return [value for value in vars(module).values() if isinstance(value, SocketIOServer)]
