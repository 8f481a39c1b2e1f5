"""uvicorn's HTTP and WebSocket protocols with bounds: what one connection, one address and all of them may cost.

uvicorn reads a request's head however long it is and however slowly it comes, and holds any number of connections.
Whoever reaches the port can then fill the memory, or keep the process from everybody else. Here:

- A head has HEAD bytes and HEADERS lines at most (431, or 414 where it is the URL that is too long). The bytes are
  counted before httptools gets them: it joins the parts of a header one by one, which takes quadratic time.
- What comes around a body (chunk sizes, trailers) counts as head, less what the body justifies.
- A head comes within REQUEST_TIMEOUT seconds; so does a body, which gets a second more for each SLOWEST bytes of it.
- An address has MAX_CONNECTIONS_PER_ADDRESS connections, and all together have MAX_CONNECTIONS. A proxy has any number:
  `connection_limit` counts those behind it.

A connection that became a WebSocket has left this module but for its place in the count.
"""

from __future__ import annotations

import asyncio
import resource
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from chozoi_chat.http.connection_limit import OpenConnections, may_speak_for_others
from conversations.signals import limit_reached
from socketio_bridge.transports.uvicorn_protocol import FrameProtocol

HEAD: Final = 64 * 1024
"""Bytes of a request line and its headers."""
HEADERS: Final = 128
"""Headers of a request, trailers included; the WebSocket implementation takes as many."""
PIPELINED: Final = 16
"""Requests that wait for the answers to earlier ones of their connection. Browsers send none ahead."""
SLOWEST: Final = 1_000
"""Bytes a second that a body may come at, in the long run."""
LINGER: Final = 2.0
"""Seconds for which what a refused client goes on sending is read and dropped. Closing at once would reset the
connection, and the client might never see the answer."""
UNREAD: Final = 4_000_000
"""Bytes that may wait for a WebSocket that sends pings: as many as `outbound_limit` allows for packets."""
SPARE_FILES: Final = 200
"""Files that the process may need open beside its connections: stores, static files, uploads."""

connections = OpenConnections()
"""Those of this process."""
_open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class BoundedWebSocketProtocol(FrameProtocol):
    """A WebSocket; its connection was counted when it opened, as HTTP."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up its place."""
        connections.remove(self.client[0] if self.client else "")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take frames. Where websockets itself refuses the handshake, uvicorn 0.54 neither answers nor closes."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.close_sent:
            self.close_sent = True
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer, unless the answers to earlier pings are not read: uvicorn 0.54 would keep any number of them."""
        super().handle_ping()
        if self.transport.get_write_buffer_size() > UNREAD:
            self.transport.abort()


class BoundedHttpProtocol(HttpToolsProtocol):
    """An HTTP connection within the bounds of this module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = self._in_body = self._upgraded = self._refused = False
        self.url = b""
        self._around = 0  # bytes of this request that are no body
        self._received = 0  # bytes of its body
        self._refusal = HTTPStatus.BAD_REQUEST
        self._timer: asyncio.TimerHandle | None = None
        self._timed_body = False  # whether the timer is for a body
        self._began = 0.0  # when it was set

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        connections.add(self._address)
        of_address = connections.of(self._address)
        if connections.all > min(settings.MAX_CONNECTIONS, _open_files - SPARE_FILES):
            limit_reached.send(sender=None, limit="MAX_CONNECTIONS")
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        elif of_address > settings.MAX_CONNECTIONS_PER_ADDRESS and not may_speak_for_others(self._address):
            limit_reached.send(sender=None, limit="MAX_CONNECTIONS_PER_ADDRESS")
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS)
        else:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up its place. (A WebSocket's connection is lost elsewhere.)"""
        connections.remove(self._address)
        self._set_timer(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, no more of a head than there may be."""
        while data and not self._refused and not self._upgraded:
            piece = data[: HEAD if self._in_body else HEAD - self._around]
            data = data[len(piece) :]
            self._around += len(piece)
            super().data_received(piece)
            if self._around >= HEAD + self._received // 2:  # and the head, or the body, has not ended
                self._refuse(self._too_long())
        if not self._refused and not self._upgraded:
            self._watch()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._upgraded = True
        self._set_timer(None)
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what could not be parsed, or what a callback below did not want."""
        self._refuse(self._refusal)

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._in_head, self._in_body, self._received = True, False, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer."""
        super().on_header(name, value)
        if len(self.headers) > HEADERS:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        """Begin the request."""
        self._in_head, self._in_body = False, True
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINED:
            raise ValueError("too many requests ahead")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._around -= len(body)
        self._received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request; what follows is counted anew."""
        self._in_body, self._around = False, 0
        super().on_message_complete()

    def _too_long(self) -> HTTPStatus:
        if self._in_body:
            return HTTPStatus.BAD_REQUEST
        of_url = len(self.url) * 2 > HEAD
        return HTTPStatus.REQUEST_URI_TOO_LONG if of_url else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _watch(self) -> None:
        """Wait so long for what must come next; for nothing while a request is being answered."""
        waiting_for_head = self._in_head or (not self._in_body and (self.cycle is None or self.cycle.response_complete))
        if not waiting_for_head and not self._in_body:
            self._set_timer(None)
        elif self._timer is None or self._timed_body is not self._in_body:
            self._timed_body, self._began = self._in_body, self.loop.time()
            self._set_timer(settings.REQUEST_TIMEOUT)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        left = self._began + settings.REQUEST_TIMEOUT + self._received / SLOWEST - self.loop.time()
        if self._in_body and (left > 0 or self.flow.read_paused):  # paused: it is not the client who is slow
            self._set_timer(max(left, 1.0))
        elif self._in_head or self._in_body:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer with a status alone, and hang up. An answer that an earlier request waits for is not written over."""
        if self._refused:
            return
        self._refused = True
        self._set_timer(None)
        cycle = self.cycle
        answering = cycle is not None and not cycle.response_complete
        if not answering or (self._in_body and not self.pipeline and not cycle.response_started):
            text = status.phrase.encode()
            head = b"content-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(text)
            self.transport.write(STATUS_LINE[status] + head + text)
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER, self.transport.abort)
