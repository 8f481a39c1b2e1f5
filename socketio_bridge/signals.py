"""Signals of the bridge, for any app of a project (Django's documentation, "Signals")."""

from django.dispatch import Signal

connection_error = Signal()
"""A request is refused that would open a connection, or belong to one (Engine.IO's `connection_error` event).

    @receiver(connection_error)
    async def count(sender, code, message, context, handshake, **kwargs):
        refusals.labels(code).inc()

Receivers may be coroutines. They run before the answer goes out, so they should be quick. What one raises is logged.

Args:
    code: 0 "Transport unknown", 1 "Session ID unknown", 2 "Bad handshake method", 3 "Bad request", 4 "Forbidden",
        5 "Unsupported protocol version": the numbers of Engine.IO's reference server.
    message: What the client is told.
    context: What is wrong, as in the reference server: `{"transport": …}`, `{"sid": …}`, `{"method": …}`,
        `{"protocol": …}`, `{"origin": …}`, `{"name": "TRANSPORT_MISMATCH", …}`. It holds what the client sent.
    handshake: The request, a `Handshake`.
"""

server_stopping = Signal()
"""The process was told to stop: no more sessions open here, and clients are asked to connect again, to another process.

    @receiver(server_stopping)
    async def take_out(sender, server, **kwargs):
        health.ready = False

Receivers may be coroutines, which run in the server's event loop. What one raises is logged.

Args:
    server: The `SocketIOServer`.
"""
