"""Serves Socket.IO's JavaScript client below the server's path, as the reference server does.

The files are those of the `dist` folder of the package socket.io-client, under its MIT licence. They lie among this
app's static files, so that `{% static "socketio_bridge/socket.io.min.js" %}` is another way to serve them.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

from socketio_bridge.options import Options
from socketio_bridge.transports.handshake import Header, cors_headers, read_handshake

_FOLDER = Path(__file__).parents[1] / "static" / "socketio_bridge"
_BUNDLES = ("socket.io.js", "socket.io.min.js", "socket.io.esm.min.js", "socket.io.msgpack.min.js")
CLIENT_VERSION = "4.8.4"
CLIENT_FILES = frozenset((*_BUNDLES, *(f"{bundle}.map" for bundle in _BUNDLES)))
"""The names of the files; those of the reference server."""


async def serve_client_file(
    scope: MutableMapping[str, Any],
    send: Callable[[dict[str, Any]], Awaitable[None]],
    options: Options,
) -> None:
    """Answer a request for a file of the client.

    Status, headers and entity tag, the client's version, are the reference server's (`Server.serve` of socket.io).
    Unlike it, other methods than GET and HEAD are refused, and compression is gzip alone.

    Args:
        scope: The ASGI scope of the request. Its path ends with one of `CLIENT_FILES`.
        send: ASGI's.
        options: The server's. They say which pages of other origins may read the answer.
    """
    name = scope["path"].rpartition("/")[2]
    handshake = read_handshake(scope)
    tag = f'"{CLIENT_VERSION}"'
    headers: list[Header] = [(b"x-content-type-options", b"nosniff"), *cors_headers(handshake, options)]
    status, body = 304, b""
    if scope["method"] not in ("GET", "HEAD"):
        status = 405
        headers.append((b"allow", b"GET, HEAD"))
    elif not {tag, f"W/{tag}"} & {each.strip() for each in handshake.headers.get("if-none-match", "").split(",")}:
        gzipped = _takes_gzip(handshake.headers.get("accept-encoding", ""))
        status, body = 200, await asyncio.to_thread(_content, name, gzipped)
        kind = "json" if name.endswith(".map") else "javascript"
        headers += [
            (b"cache-control", b"public, max-age=0"),
            (b"content-type", f"application/{kind}; charset=utf-8".encode()),
            (b"content-length", str(len(body)).encode()),
            (b"vary", b"Accept-Encoding"),
            *([(b"content-encoding", b"gzip")] if gzipped else []),
        ]
    headers.append((b"etag", tag.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


@cache
def _content(name: str, gzipped: bool) -> bytes:
    content = (_FOLDER / name).read_bytes()
    return gzip.compress(content, mtime=0) if gzipped else content


def _takes_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` has gzip (RFC 9110, section 12.5.3)."""
    codings = [each.replace(" ", "").lower().partition(";q=") for each in accepted.split(",")]
    return any(coding == "gzip" and weight not in ("0", "0.0", "0.00", "0.000") for coding, _, weight in codings)
