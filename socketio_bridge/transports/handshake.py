"""Reads the request that opens a connection, and decides whether the bridge talks to its client."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self, TypeAlias, cast
from urllib.parse import parse_qsl

import msgspec
from django.utils.module_loading import import_string

from socketio_bridge.exceptions import ConnectionRefused, TryAgainLater
from socketio_bridge.handshake import Handshake
from socketio_bridge.options import Options, TransportName
from socketio_bridge.protocol.engineio import Revision
from socketio_bridge.signals import connection_error
from socketio_bridge.transports import origins

logger = logging.getLogger(__name__)

Header: TypeAlias = tuple[bytes, bytes]
"""A header of an ASGI answer."""


class HandshakeRefused(Exception):
    """The request opens no session, or fits none.

    `code`, `message`, HTTP `status` and `context` are those of Engine.IO's reference server.
    """

    def __init__(self, code: int, message: str, status: int = 400, **context: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.context = context

    def body(self) -> bytes:
        """The answer's JSON body."""
        return msgspec.json.encode({"code": self.code, "message": self.message})

    async def report(self, handshake: Handshake) -> None:
        """Send the signal `connection_error`."""
        await connection_error.asend_robust(
            sender=None, code=self.code, message=self.message, context=self.context, handshake=handshake
        )

    @classmethod
    def unknown_transport(cls, transport: str | None) -> Self:
        """The `transport` is none that the server offers."""
        return cls(0, "Transport unknown", transport=transport)

    @classmethod
    def unknown_session(cls, sid: str) -> Self:
        """The `sid` names no session."""
        return cls(1, "Session ID unknown", sid=sid)

    @classmethod
    def bad_method(cls, method: str) -> Self:
        """A session begins with a GET."""
        return cls(2, "Bad handshake method", method=method)

    @classmethod
    def bad_request(cls, name: str, **context: Any) -> Self:
        """The request does not fit its session or its transport."""
        return cls(3, "Bad request", name=name, **context)

    @classmethod
    def forbidden(cls, message: str = "Forbidden", **context: Any) -> Self:
        """The origin may not connect, or the application does not allow the request."""
        return cls(4, message, status=403, **context)

    @classmethod
    def unsupported_protocol(cls, protocol: str | None) -> Self:
        """The `EIO` parameter is neither 3 nor 4, missing where `eio_required`, or 3 without `allow_eio3`."""
        return cls(5, "Unsupported protocol version", protocol=protocol)

    @classmethod
    def unavailable(cls, why: str) -> Self:
        """The process is about to stop, or the application away: the client tries again, and may get another."""
        return cls(3, f"Bad request: {why}", status=503, name="UNAVAILABLE")


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
        raise HandshakeRefused.unknown_transport(asked)
    if not origin_allowed(handshake, options):
        own = origins.own_origin(handshake.headers, str(handshake.scope.get("scheme", "http")))
        logger.info("Refused a page of %.100r: this server's own origin is %.100r.", handshake.headers["origin"], own)
        raise HandshakeRefused.forbidden(origin=handshake.headers["origin"])
    if asked != carried_by:
        raise HandshakeRefused.bad_request("TRANSPORT_MISMATCH", transport=asked, carried_by=carried_by)


async def ask_application(handshake: Handshake, options: Options) -> None:
    """Ask `Options.allow_request` whether a session may be opened. Raises `HandshakeRefused`."""
    if options.allow_request is None:
        return
    try:
        await _imported(options.allow_request)(handshake)
    except ConnectionRefused as refusal:
        raise HandshakeRefused.forbidden(refusal.message) from refusal
    except TryAgainLater as refusal:
        raise HandshakeRefused.unavailable("try again later") from refusal
    except Exception as error:
        logger.exception("SOCKETIO['allow_request'], %s, failed: the client is refused.", options.allow_request)
        raise HandshakeRefused.forbidden() from error


def revision_of(handshake: Handshake, options: Options) -> Revision:
    """The Engine.IO protocol that the client speaks; raises `HandshakeRefused` for one that the bridge does not.

    A client that names none speaks 3, as for the reference server: the iOS client for 2.x servers sends no `EIO`.
    """
    named = handshake.query.get("EIO", "" if options.eio_required else "3")
    # Clients of protocol 3 are greeted in JSON before they have said which parser they have.
    old_ones = options.allow_eio3 and "json" in options.parsers
    if named not in (("3", "4") if old_ones else ("4",)):
        raise HandshakeRefused.unsupported_protocol(handshake.query.get("EIO"))
    return cast(Revision, int(named))


def wants_base64(handshake: Handshake) -> bool:
    """Whether the client, of protocol 3, cannot take binary (Engine.IO protocol 3, "b64")."""
    return handshake.query.get("EIO", "3") == "3" and handshake.query.get("b64", "0") not in ("", "0", "false")


def origin_allowed(handshake: Handshake, options: Options) -> bool:
    """Whether a page of this origin may use the server."""
    if not handshake.xdomain:
        return True
    origin = handshake.headers["origin"]
    if origins.is_allowed(origin, options.allowed_origins, options.allowed_origin_regexes):
        return True
    if options.allow_origin is None:
        return False
    try:
        return bool(_imported(options.allow_origin)(origin))
    except Exception:
        logger.exception("SOCKETIO['allow_origin'], %s, failed: the origin is refused.", options.allow_origin)
        return False


def cors_headers(handshake: Handshake, options: Options) -> list[Header]:
    """What lets a page of an allowed origin read an answer, credentials included."""
    origin = handshake.headers.get("origin")
    if origin is None or not origin_allowed(handshake, options):
        return []
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


@cache
def _imported(path: str) -> Callable[..., Any]:
    """The callable of the application at a dotted path."""
    found: Callable[..., Any] = import_string(path)
    return found
