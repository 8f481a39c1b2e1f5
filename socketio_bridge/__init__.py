"""Socket.IO for Django Channels.

Clients of any generation emit named events, which handlers of a `Namespace` take; `emit` sends events to rooms, on
every process, over the channel layer. `SocketIOServer` is the ASGI application. What an application needs is in
`__all__`; README.md shows how the parts are used, and which folder holds what.
"""

from socketio_bridge.adapter.broadcast_acks import broadcast_call
from socketio_bridge.adapter.remote_sockets import (
    RemoteHandshake,
    RemoteSocket,
    disconnect_sockets,
    fetch_sockets,
    sockets_join,
    sockets_leave,
)
from socketio_bridge.adapter.server_events import server_side_call, server_side_emit
from socketio_bridge.emitter import emit, emit_sync, flush
from socketio_bridge.events.outgoing import Outgoing, OutgoingEvent, outgoing_event
from socketio_bridge.exceptions import (
    AcksMissing,
    AckTimeout,
    ClusterError,
    ConnectionRefused,
    EventError,
    EventRefused,
    InvalidAck,
    InvalidArguments,
    NodeGone,
    RequestFailed,
    RequestTimeout,
    TryAgainLater,
    UnknownEvent,
)
from socketio_bridge.handshake import Handshake
from socketio_bridge.namespace import Namespace, event, server_event
from socketio_bridge.options import Options
from socketio_bridge.server import SocketIOServer
from socketio_bridge.sockets.socket import NO_ACK, Socket
from socketio_bridge.users.following import disconnect_user, disconnect_user_sync

__all__ = [
    "NO_ACK",
    "AckTimeout",
    "AcksMissing",
    "ClusterError",
    "ConnectionRefused",
    "EventError",
    "EventRefused",
    "Handshake",
    "InvalidAck",
    "InvalidArguments",
    "Namespace",
    "NodeGone",
    "Options",
    "Outgoing",
    "OutgoingEvent",
    "RemoteHandshake",
    "RemoteSocket",
    "RequestFailed",
    "RequestTimeout",
    "Socket",
    "SocketIOServer",
    "TryAgainLater",
    "UnknownEvent",
    "broadcast_call",
    "disconnect_sockets",
    "disconnect_user",
    "disconnect_user_sync",
    "emit",
    "emit_sync",
    "event",
    "fetch_sockets",
    "flush",
    "outgoing_event",
    "server_event",
    "server_side_call",
    "server_side_emit",
    "sockets_join",
    "sockets_leave",
]
