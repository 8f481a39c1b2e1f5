"""Origins compared as origins (RFC 6454, section 5), not as text: by scheme, host and port.

Clients write one origin in several ways: iOS's Starscream sends `Origin: wss://h` with `Host: h:443`, React Native on
Android `Origin: https://h:443`, nginx passes `$host:$server_port`. So a WebSocket scheme is its HTTP scheme, a default
port is no port, and case does not count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

ANY = "*"
"""Stands among allowed origins for all of them."""

OPAQUE = "null"
"""What browsers send for a page without an origin, such as a sandboxed frame (RFC 6454, section 6.1)."""

_HTTP_SCHEMES = {"ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_origin(text: str) -> str:
    """An origin in the one form in which origins are compared: `https://shop.example`, `http://localhost:3000`, `null`.

    Raises `ValueError`, whose message says what is wrong, for what is no origin.
    """
    if text == OPAQUE:
        return text
    parts = urlsplit(text)
    if not parts.hostname or "://" not in text:
        raise ValueError("it needs a scheme and a host")
    if "*" in parts.hostname:
        raise ValueError("a host may not be a pattern")
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("it must be scheme and host alone, without a user or a path")
    scheme = _HTTP_SCHEMES.get(parts.scheme, parts.scheme)
    port = None if parts.port == _DEFAULT_PORTS.get(scheme) else parts.port
    return _written(scheme, parts.hostname, port)


def own_origin(headers: Mapping[str, str], scheme: str) -> str | None:
    """The server's own origin, as the client that sent a request sees it; None where its `Host` header names none.

    Args:
        headers: the request's, by their names in lower case. The first proxy's `X-Forwarded-Proto` tells the scheme:
            a page cannot set it, so that it may be believed of everybody here.
        scheme: of the ASGI scope, for requests without that header.
    """
    scheme = headers.get("x-forwarded-proto", scheme).partition(",")[0].strip().lower()
    scheme = _HTTP_SCHEMES.get(scheme, scheme)
    try:
        host = urlsplit(f"//{headers.get('host', '')}")
        port = host.port
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host.hostname:
        return None
    if port == _DEFAULT_PORTS["https"]:
        scheme = "https"  # also behind a proxy that ends TLS and does not tell
    # A proxy's own default port, as in "$host:$server_port", is none that clients know of.
    return _written(scheme, host.hostname, None if port in _DEFAULT_PORTS.values() else port)


def is_allowed(origin: str, allowed: Collection[str], regexes: Collection[str] = ()) -> bool:
    """Whether the `Origin` of a request is among the allowed ones, in whatever way either is written.

    Args:
        origin: The request's.
        allowed: Origins; `ANY` stands for all.
        regexes: Regular expressions, each of which allows the origins that it matches as a whole. An origin is matched
            in the form of `parse_origin`.
    """
    if ANY in allowed:
        return True
    parsed = _parsed(origin)
    if parsed is None:
        return False
    return parsed in map(_parsed, allowed) or any(re.fullmatch(regex, parsed) for regex in regexes)


def is_own(origin: str, headers: Mapping[str, str], scheme: str) -> bool:
    """Whether the `Origin` of a request is the server's own; `headers` and `scheme` as for `own_origin`."""
    parsed = _parsed(origin)
    return parsed is not None and parsed == own_origin(headers, scheme)


def _parsed(origin: str) -> str | None:
    try:
        return parse_origin(origin)
    except ValueError:
        return None


def _written(scheme: str, host: str, port: int | None) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port is None else f"{scheme}://{host}:{port}"
