"""The request that opened a connection, as handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request that opened a connection, as handlers see it in `Socket.handshake`.

    Names and meanings are those of Socket.IO's `socket.handshake`; `scope` is added.

    Attributes:
        query: The parameters of the URL, and of a CONNECT packet of protocol 4; the last value of each.
        auth: The payload of the namespace's CONNECT packet (clients 3.x and later). Of clients 2.x it is the query of
            their CONNECT packet.
        headers: The request's headers by lower-case name; the values of one name are joined by ", ".
        address: The client's address, as the ASGI server sees it.
        time: When the request came, in UTC.
        secure: Whether it came over TLS.
        xdomain: Whether a browser sent it from a page of another origin.
        url: The path and the query.
        scope: The ASGI scope, with what middleware puts there (`user`, `session`, …).
    """

    query: Mapping[str, str]
    auth: Mapping[str, Any]
    headers: Mapping[str, str]
    address: str
    time: datetime
    secure: bool
    xdomain: bool
    url: str
    scope: Mapping[str, Any]

    @property
    def user(self) -> Any:
        """The Django user that middleware such as `AuthMiddlewareStack` found; None: there is no such middleware."""
        return self.scope.get("user")

    @property
    def user_id(self) -> str | None:
        """The primary key of `user`, as text; None where nobody has logged in."""
        return user_id_of(self.user)

    def says(self, name: str) -> bool:
        """Whether the client says `true` of a name: in `auth`, or, where that lacks it, in the query."""
        return self.auth.get(name, self.query.get(name)) in (True, "true", "1")

    def for_namespace(self, query: Mapping[str, str], auth: Mapping[str, Any]) -> Handshake:
        """The handshake as one namespace's CONNECT packet completes it."""
        return replace(self, query={**self.query, **query}, auth=auth) if query or auth else self


def user_id_of(user: Any) -> str | None:
    """The primary key of a Django user, as text; None for None and for an `AnonymousUser`."""
    return str(user.pk) if user is not None and user.is_authenticated else None
