"""Socket.IO for Django Channels.

Named events from Socket.IO clients of any generation, routed to handlers, and emitted to rooms on every process over
the channel layer. This package knows nothing of chat. What an application needs stands here; the modules below are the
bridge's own.
"""

from socketio_bridge.broadcast_acks import broadcast_call
from socketio_bridge.emitter import emit, emit_sync, flush
from socketio_bridge.exceptions import (
    AcksMissing,
    AckTimeout,
    ConnectionRefused,
    EventError,
    InvalidArguments,
    UnknownEvent,
)
from socketio_bridge.handshake import Handshake
from socketio_bridge.namespace import Namespace, event
from socketio_bridge.options import Options
from socketio_bridge.server import SocketIOServer
from socketio_bridge.socket import NO_ACK, Socket

__all__ = [
    "NO_ACK",
    "AckTimeout",
    "AcksMissing",
    "ConnectionRefused",
    "EventError",
    "Handshake",
    "InvalidArguments",
    "Namespace",
    "Options",
    "Socket",
    "SocketIOServer",
    "UnknownEvent",
    "broadcast_call",
    "emit",
    "emit_sync",
    "event",
    "flush",
]
