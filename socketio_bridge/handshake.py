"""The request that opened a connection, as handlers see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request that opened a connection: `Socket.handshake`.

    Attributes:
        query: the last value of each parameter of the URL.
        auth: the payload of the namespace's CONNECT packet (clients of protocol 5).
        headers: by their names in lower case.
        address: the client's, as the ASGI server sees it.
        time: when the request came, in UTC.
        secure: whether it came over TLS.
        xdomain: whether a browser sent it from a page of another origin.
        url: path and query.
        scope: the ASGI scope, with whatever middleware put there (`user`, `session`, …).
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

    def for_namespace(self, query: Mapping[str, str], auth: Mapping[str, Any]) -> Handshake:
        """The handshake as one namespace's CONNECT packet completes it."""
        return replace(self, query={**self.query, **query}, auth=auth) if query or auth else self
