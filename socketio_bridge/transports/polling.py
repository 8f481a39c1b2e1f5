"""The long-polling consumer: moves packets between HTTP requests and a session, and nothing else.

A session's first GET opens it and brings the handshake; each further GET fetches what waits for the client, each POST
brings what the client sends (Engine.IO protocol 4, "Transports / HTTP long-polling"). For browsers it answers as CORS
demands, and for those without XMLHttpRequest across origins in JSONP (Engine.IO protocol 3, "JSONP polling"; clients
3.x have it in protocol 4 too).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

from channels.consumer import AsyncConsumer

from socketio_bridge.protocol import ProtocolError, payload
from socketio_bridge.protocol.engineio import Packet
from socketio_bridge.transports.engine import Engine
from socketio_bridge.transports.handshake import HandshakeRefused, Header, check_handshake, cors_headers, read_handshake
from socketio_bridge.transports.interfaces import AnySession

_TEXT = b"text/plain; charset=UTF-8"
_PREFLIGHT_AGE = b"600"  # seconds that a browser may go by one preflight


class _ClientLeft(Exception):
    """The client broke its request off."""


class PollingConsumer(AsyncConsumer):
    """One HTTP request of a client."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer the request."""
        self._receive, self._send = receive, send
        self._handshake = read_handshake(scope)
        method: str = scope["method"]
        try:
            if method == "OPTIONS":
                await self._preflight()
                return
            check_handshake(self._handshake, "polling", self._engine.options)
            if "sid" not in self._handshake.query:
                if method != "GET":
                    raise HandshakeRefused.bad_method(method)
                await self._open()
                return
            session = await self._engine.find_session(self._handshake)
            if session.transport != "polling":
                raise HandshakeRefused.bad_request("TRANSPORT_MISMATCH", transport="polling", session=session.transport)
            if method not in ("GET", "POST"):
                raise HandshakeRefused.bad_request("BAD_METHOD", method=method)
            await (self._fetch(session) if method == "GET" else self._take(session))
        except HandshakeRefused as refusal:
            await refusal.report(self._handshake)
            await self._answer(refusal.body(), b"application/json", refusal.status)
        except _ClientLeft:
            pass

    async def _open(self) -> None:
        session = await self._engine.begin_session(self._handshake)
        session.open(None)
        cookie: list[Header] = []
        if self._engine.options.cookie:
            value = f"{self._engine.options.cookie}={session.sid}; Path=/; HttpOnly; SameSite=Lax"
            cookie.append((b"set-cookie", value.encode()))
        await self._answer_packets(session, await session.poll(), cookie)

    async def _fetch(self, session: AnySession) -> None:
        polling = asyncio.ensure_future(session.poll())
        leaving = asyncio.ensure_future(self._left())
        try:
            try:
                with self._engine.polling(session):
                    await asyncio.wait((polling, leaving), return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                # The process stops, and waits for open requests no longer. The session may live on in another: let its
                # client poll there. The answer ends this request, as the cancellation wants.
                self._engine.let_finish()
                session.release()
                await asyncio.wait([polling])
            if not polling.done():
                session.close("transport error", abruptly=True)
                raise _ClientLeft
            packets = polling.result()
        except ProtocolError as error:
            raise HandshakeRefused.bad_request("BAD_POLL", reason=str(error)) from error
        finally:
            leaving.cancel()
            polling.cancel()
        await self._answer_packets(session, packets)

    async def _take(self, session: AnySession) -> None:
        await session.relieved()  # who does not wait for the answer to one POST before the next waits here
        body = await self._body(session.max_payload)
        try:
            await session.take(self._decode(body, session))
        except ProtocolError as error:
            session.fail(error)
            raise HandshakeRefused.bad_request("BAD_PAYLOAD", reason=str(error)) from error
        if session.failed:
            raise HandshakeRefused.bad_request("BAD_PACKET")
        await self._answer(b"ok", b"text/html")

    def _decode(self, body: bytes, session: AnySession) -> Iterator[Packet]:
        if "j" in self._handshake.query:
            return payload.decode(payload.from_form(body), session.revision)
        content_type = self._handshake.headers.get("content-type", "")
        return payload.decode(body, session.revision, binary=content_type.startswith("application/octet-stream"))

    async def _body(self, limit: int) -> bytes:
        """The request's body. Raises `HandshakeRefused` (413) when it is larger than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise _ClientLeft
            size += len(message.get("body", b""))
            if size > limit:
                raise HandshakeRefused(3, f"Bad request: more than {limit} bytes", status=413, name="TOO_LARGE")
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _answer_packets(
        self, session: AnySession, packets: list[Packet], headers: list[Header] | None = None
    ) -> None:
        index = self._handshake.query.get("j")
        if index is not None:
            try:
                script = payload.to_script(payload.encode(packets, session.revision, base64=True), index)
            except ProtocolError as error:
                raise HandshakeRefused.bad_request("BAD_JSONP_INDEX", reason=str(error)) from error
            await self._answer(script.encode(), b"text/javascript; charset=UTF-8", headers=headers)
            return
        body = payload.encode(packets, session.revision, base64=session.wants_base64)
        if isinstance(body, str):
            await self._answer(body.encode(errors="surrogatepass"), _TEXT, headers=headers)
        else:
            await self._answer(body, b"application/octet-stream", headers=headers)

    async def _preflight(self) -> None:
        await self._answer(
            b"",
            _TEXT,
            204,
            [
                (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
                (b"access-control-allow-headers", b"content-type, authorization"),
                (b"access-control-max-age", _PREFLIGHT_AGE),
            ],
        )

    async def _answer(
        self, body: bytes, content_type: bytes, status: int = 200, headers: list[Header] | None = None
    ) -> None:
        common = [
            (b"content-type", content_type),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            # A body that a client wrote must never be taken for a page.
            (b"x-content-type-options", b"nosniff"),
        ]
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": common + cors_headers(self._handshake, self._engine.options) + (headers or []),
            }
        )
        await self._send({"type": "http.response.body", "body": body})
