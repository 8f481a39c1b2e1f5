"""The ids that a log line has: of the request or the socket that it is about, of its user, and of the room.

No id here lets anybody in. Engine.IO's session id does, and is a part of the ids of sockets of clients 2.x: these get a
digest of it.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from chozoi_chat.http.request_ids import current_request
from conversations.api.authentication import Caller
from socketio_bridge import InvalidArguments
from socketio_bridge.events.arguments import decode_argument
from socketio_bridge.sockets.current import CurrentEvent, current_event

LONGEST: Final = 128
"""Characters of what a client sent that a line may have."""


def ids_now() -> dict[str, str]:
    """The ids of what the running code was called for; empty where that is neither a request nor a socket's event."""
    if (event := current_event()) is not None:
        return _of_event(event)
    if (request := current_request.get()) is not None:
        return _of_request(*request)
    return {}


def _of_event(event: CurrentEvent) -> dict[str, str]:
    socket = event.socket
    ids = {"socket_id": _public_id(socket), "socket_event": event.name[:LONGEST]}
    if (identity := getattr(socket.data, "identity", None)) is not None:
        ids["user_id"] = identity.user_id
    if (room_id := _room_of(event)) is not None:
        ids["room_id"] = room_id
    return ids


def _public_id(socket: Any) -> str:
    if socket.handshake.query.get("EIO") == "4":
        return str(socket.id)
    return f"eio3-{hashlib.blake2b(socket.id.encode(), digest_size=8).hexdigest()}"


def _room_of(event: CurrentEvent) -> str | None:
    if not event.arguments:
        return None
    try:
        payload = decode_argument(event.arguments[0])
    except InvalidArguments:
        return None
    room_id = payload.get("room_id") if isinstance(payload, dict) else None
    return room_id[:LONGEST] if isinstance(room_id, str) else None


def _of_request(request: Any, request_id: str) -> dict[str, str]:
    ids = {"request_id": request_id}
    user = request.__dict__.get("user")
    if type(user) is Caller:  # and not isinstance: that would read the session of a lazy user
        ids["user_id"] = user.user_id
    match = request.resolver_match
    if match is not None and "room_id" in match.kwargs:
        ids["room_id"] = str(match.kwargs["room_id"])[:LONGEST]
    return ids
