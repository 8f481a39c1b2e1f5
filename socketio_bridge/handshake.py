"""What a client says when it opens a connection, and whether the bridge talks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

from socketio_bridge.engineio import Revision


class HandshakeRefused(Exception):
    """The request opens no session; `code`, `message` and HTTP `status` are those of Engine.IO's reference server."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    @classmethod
    def unknown_transport(cls) -> Self:
        """The `transport` is none that the server offers."""
        return cls(0, "Transport unknown")

    @classmethod
    def unknown_session(cls) -> Self:
        """The `sid` names no session."""
        return cls(1, "Session ID unknown")

    @classmethod
    def forbidden(cls) -> Self:
        """The origin may not connect."""
        return cls(4, "Forbidden", status=403)

    @classmethod
    def unsupported_protocol(cls) -> Self:
        """The `EIO` parameter is neither 3 nor 4."""
        return cls(5, "Unsupported protocol version")


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request that opened a connection, as handlers see it in `Socket.handshake`.

    `query` holds the last value of each parameter; `auth` the payload of the namespace's CONNECT packet (protocol 5
    clients). Header names are lower case. `scope` is the ASGI scope, with whatever middleware put there (`user`,
    `session`, …).
    """

    query: Mapping[str, str]
    auth: Mapping[str, Any]
    headers: Mapping[str, str]
    address: str
    time: datetime
    secure: bool
    url: str
    scope: Mapping[str, Any]

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any]) -> Self:
        """Read an ASGI `http` or `websocket` scope."""
        query_string = scope.get("query_string", b"").decode("latin-1")
        client = scope.get("client")
        return cls(
            query=dict(parse_qsl(query_string, keep_blank_values=True)),
            auth={},
            headers={
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", ())
            },
            address=client[0] if client else "",
            time=datetime.now(UTC),
            secure=scope.get("scheme") in ("https", "wss"),
            url=f"{scope['path']}?{query_string}" if query_string else str(scope["path"]),
            scope=scope,
        )

    @property
    def xdomain(self) -> bool:
        """Whether a browser sent the request from a page of another origin."""
        return "origin" in self.headers and not self._same_origin()

    def for_namespace(self, query: Mapping[str, str], auth: Mapping[str, Any]) -> Handshake:
        """The handshake as one namespace's CONNECT packet completes it."""
        return replace(self, query={**self.query, **query}, auth=auth) if query or auth else self

    def revision(self, allowed_origins: tuple[str, ...]) -> Revision:
        """The Engine.IO protocol that the request asks for over a WebSocket.

        Raises `HandshakeRefused` where Engine.IO's reference server would. Browsers name their page's origin: it must
        be the server's own or one of `allowed_origins` (`"*"`: any). Requests without an origin do not come from a
        page.
        """
        if self.query.get("transport") != "websocket":
            raise HandshakeRefused.unknown_transport()
        if "sid" in self.query:
            raise HandshakeRefused.unknown_session()
        if self.xdomain and "*" not in allowed_origins and self.headers["origin"].rstrip("/") not in allowed_origins:
            raise HandshakeRefused.forbidden()
        if self.query.get("EIO") not in ("3", "4"):
            raise HandshakeRefused.unsupported_protocol()
        return cast(Revision, int(self.query["EIO"]))

    def _same_origin(self) -> bool:
        origin = urlsplit(self.headers["origin"])
        return origin.netloc == self.headers.get("host") and (origin.scheme == "https") == self.secure
