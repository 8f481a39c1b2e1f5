"""How many connections one address has open in this process.

`uvicorn_protocol` counts connections by the address at their other end. Behind a proxy that is the proxy's address. So
what a proxy carries is counted here, by the address that it names: requests that are being answered, and WebSockets.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from chozoi_chat.http.refusal import refuse
from conversations.signals import limit_reached
from persistence.rate_limits import network_of

RETRY_AFTER = 5
"""Seconds after which an address with too many connections may try again."""


class OpenConnections:
    """How many connections are open, in all and by address. IPv6 addresses of one /64 network count as one.

    Attributes:
        all: The number of all open connections.
    """

    def __init__(self) -> None:
        self.all = 0
        self._by_network = Counter[str]()

    def of(self, address: str) -> int:
        """Return how many are open from an address."""
        return self._by_network[network_of(address)]

    def add(self, address: str) -> None:
        """Count a connection that has opened."""
        self.all += 1
        self._by_network[network_of(address)] += 1

    def remove(self, address: str) -> None:
        """Count a connection that has closed."""
        self.all -= 1
        network = network_of(address)
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]


def may_speak_for_others(address: str) -> bool:
    """Tell whether an address is that of a proxy, which names its clients in X-Forwarded-For.

    FORWARDED_ALLOW_IPS is uvicorn's own variable, and is read as uvicorn reads it.

    Args:
        address: The address of the other end of a connection; "" for a Unix socket, which counts as a proxy's.
    """
    return not address or address in _proxies(os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))


@lru_cache(maxsize=2)
def _proxies(named: str) -> Any:
    return ProxyHeadersMiddleware(lambda *_: None, named).trusted_hosts  # type: ignore[arg-type]


def limit_connections(application: Any, limit: int) -> Any:
    """Wrap an ASGI application so that addresses with too many open connections are answered 429, `rate_limited`.

    Args:
        application: The application that gets all other requests.
        limit: How many requests and WebSockets one address may have open in this process. Those of a proxy itself
            (`may_speak_for_others`) are not counted.
    """
    connections = OpenConnections()

    async def limited(scope: Any, receive: Any, send: Any) -> None:
        address = (scope.get("client") or ("",))[0]
        if scope["type"] == "lifespan" or may_speak_for_others(address):
            await application(scope, receive, send)
        elif connections.of(address) >= limit:
            limit_reached.send(sender=None, limit="MAX_CONNECTIONS_PER_ADDRESS")
            await refuse(
                scope,
                receive,
                send,
                HTTPStatus.TOO_MANY_REQUESTS,
                code="rate_limited",
                message=f"too many connections from this address: at most {limit} may be open",
                headers=[(b"retry-after", b"%d" % RETRY_AFTER)],
            )
        else:
            connections.add(address)
            try:
                await application(scope, receive, send)
            finally:
                connections.remove(address)

    return limited
