"""Reads the request that opens a connection, and decides whether the bridge talks to its client."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self, cast
from urllib.parse import parse_qsl

import msgspec

from socketio_bridge.handshake import Handshake
from socketio_bridge.options import Options, TransportName
from socketio_bridge.protocol.engineio import Revision
from socketio_bridge.transports import origins

logger = logging.getLogger(__name__)


class HandshakeRefused(Exception):
    """The request opens no session; `code`, `message` and HTTP `status` are those of Engine.IO's reference server."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> bytes:
        """The answer's JSON body."""
        return msgspec.json.encode({"code": self.code, "message": self.message})

    @classmethod
    def unknown_transport(cls) -> Self:
        """The `transport` is none that the server offers."""
        return cls(0, "Transport unknown")

    @classmethod
    def unknown_session(cls) -> Self:
        """The `sid` names no session."""
        return cls(1, "Session ID unknown")

    @classmethod
    def bad_method(cls) -> Self:
        """A session begins with a GET."""
        return cls(2, "Bad handshake method")

    @classmethod
    def bad_request(cls) -> Self:
        """The request does not fit its session or its transport."""
        return cls(3, "Bad request")

    @classmethod
    def forbidden(cls) -> Self:
        """The origin may not connect."""
        return cls(4, "Forbidden", status=403)

    @classmethod
    def unsupported_protocol(cls) -> Self:
        """The `EIO` parameter is neither 3 nor 4, missing where `eio_required`, or 3 without `allow_eio3`."""
        return cls(5, "Unsupported protocol version")

    @classmethod
    def stopping(cls) -> Self:
        """The process is about to stop: the client tries again, and gets another."""
        return cls(3, "Bad request: the server is shutting down", status=503)


def read_handshake(scope: Mapping[str, Any]) -> Handshake:
    """The handshake of an ASGI `http` or `websocket` scope."""
    query_string = scope.get("query_string", b"").decode("latin-1")
    client = scope.get("client")
    headers: dict[str, str] = {}
    for name, value in scope.get("headers", ()):
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text  # RFC 9110, section 5.3
    scheme = str(scope.get("scheme", "http"))
    return Handshake(
        query=dict(parse_qsl(query_string, keep_blank_values=True)),
        auth={},
        headers=headers,
        address=client[0] if client else "",
        time=datetime.now(UTC),
        secure=scheme in ("https", "wss"),
        xdomain="origin" in headers and not origins.is_own(headers["origin"], headers, scheme),
        url=f"{scope['path']}?{query_string}" if query_string else str(scope["path"]),
        scope=scope,
    )


def check_handshake(handshake: Handshake, carried_by: TransportName, options: Options) -> None:
    """Whether the bridge talks to this client, over the transport that the request came by.

    Raises `HandshakeRefused` where Engine.IO's reference server would. Browsers name their page's origin: it must be
    the server's own or an allowed one. Requests without an origin do not come from a page.
    """
    asked = handshake.query.get("transport")
    if asked not in options.transports:
        raise HandshakeRefused.unknown_transport()
    if not origin_allowed(handshake, options):
        own = origins.own_origin(handshake.headers, str(handshake.scope.get("scheme", "http")))
        logger.info("Refused a page of %.100r: this server's own origin is %.100r.", handshake.headers["origin"], own)
        raise HandshakeRefused.forbidden()
    if asked != carried_by:
        raise HandshakeRefused.bad_request()


def revision_of(handshake: Handshake, options: Options) -> Revision:
    """The Engine.IO protocol that the client speaks; raises `HandshakeRefused` for one that the bridge does not.

    A client that names none speaks 3, as for the reference server: the iOS client for 2.x servers sends no `EIO`.
    """
    named = handshake.query.get("EIO", "" if options.eio_required else "3")
    # Clients of protocol 3 are greeted in JSON before they have said which parser they have.
    old_ones = options.allow_eio3 and "json" in options.parsers
    if named not in (("3", "4") if old_ones else ("4",)):
        raise HandshakeRefused.unsupported_protocol()
    return cast(Revision, int(named))


def wants_base64(handshake: Handshake) -> bool:
    """Whether the client, of protocol 3, cannot take binary (Engine.IO protocol 3, "b64")."""
    return handshake.query.get("EIO", "3") == "3" and handshake.query.get("b64", "0") not in ("", "0", "false")


def origin_allowed(handshake: Handshake, options: Options) -> bool:
    """Whether a page of this origin may use the server."""
    return not handshake.xdomain or origins.is_allowed(handshake.headers["origin"], options.allowed_origins)
