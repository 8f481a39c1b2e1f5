"""How many connections one address has open in this process.

`uvicorn_protocol` counts connections by the address at their other end. Behind a proxy that is the proxy's address. So
what a proxy carries is counted here, by the address that it names: requests that are being answered, and WebSockets.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import lru_cache
from typing import Any

import msgspec
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from persistence.rate_limits import network_of

RETRY_AFTER = 5
"""Seconds after which an address with too many connections may try again."""


class OpenConnections:
    """Counts what is open, in all and by address."""

    def __init__(self) -> None:
        self.all = 0
        self._by_network = Counter[str]()

    def of(self, address: str) -> int:
        """How many are open from an address."""
        return self._by_network[network_of(address)]

    def add(self, address: str) -> None:
        """Count one that has opened."""
        self.all += 1
        self._by_network[network_of(address)] += 1

    def remove(self, address: str) -> None:
        """Count one that has closed."""
        self.all -= 1
        network = network_of(address)
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]


def may_speak_for_others(address: str) -> bool:
    """Whether the address is a proxy's, which says in X-Forwarded-For whose requests it carries. "": a Unix socket.

    FORWARDED_ALLOW_IPS is uvicorn's own variable, and is read as uvicorn reads it.
    """
    return not address or address in _proxies(os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))


@lru_cache(maxsize=2)
def _proxies(named: str) -> Any:
    return ProxyHeadersMiddleware(lambda *_: None, named).trusted_hosts  # type: ignore[arg-type]


def limit_connections(application: Any, most: int) -> Any:
    """`application`, but for addresses with `most` requests and WebSockets open already: they are answered 429."""
    connections = OpenConnections()

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        address = (scope.get("client") or ("",))[0]
        if scope["type"] == "lifespan" or may_speak_for_others(address):
            await application(scope, receive, send)
        elif connections.of(address) >= most:
            await _refuse(scope, receive, send, most)
        else:
            connections.add(address)
            try:
                await application(scope, receive, send)
            finally:
                connections.remove(address)

    return limited


async def _refuse(scope: Any, receive: Any, send: Any, most: int) -> None:
    response = "http.response"
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        response = "websocket.http.response"
        if response not in scope.get("extensions", {}):
            await send({"type": "websocket.close"})
            return
    refusal = {
        "status": False,
        "message": f"too many connections from this address: at most {most} may be open",
        "code": "rate_limited",
    }
    body = msgspec.json.encode(refusal)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % RETRY_AFTER),
    ]
    await send({"type": f"{response}.start", "status": 429, "headers": headers})
    await send({"type": f"{response}.body", "body": body})
