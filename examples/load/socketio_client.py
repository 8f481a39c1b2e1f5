"""A Socket.IO client for load from Locust, in Engine.IO 3 (clients 2.x) and in 4 (clients 3.x and 4.x).

It speaks what one namespace over a WebSocket needs: heartbeats, events, acknowledgements. It passes over binary events,
and does not connect again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import gevent
from gevent.event import AsyncResult
from websocket import WebSocketException, create_connection

PACKET = re.compile(r"4(?P<type>\d)(?P<namespace>/[^,?]*)?(?:\?[^,]*)?,?(?P<id>\d+)?(?P<data>.*)", re.DOTALL)
CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR = "0", "1", "2", "3", "4"


class NotConnected(Exception):
    """The server refused the namespace, or the connection has ended."""


class SocketIOClient:
    """One socket in one namespace.

    Args:
        url: The server, `http://host:port`.
        namespace: Which namespace to be in, with its slash.
        engine: The Engine.IO protocol, 3 or 4.
        path: Where the server is mounted.
        headers: Of the opening handshake, the session's cookie for one.
        query: What the handshake's query says besides; in protocol 3 it is what the namespace is told, too.
        auth: What the namespace is told in protocol 4.
        timeout: Seconds that the server may take to answer, to an acknowledgement as well.
        on_event: Called with the name and the arguments of each event.

    Raises:
        NotConnected: The server let this client not in.
    """

    def __init__(
        self,
        url: str,
        namespace: str = "/",
        *,
        engine: int = 4,
        path: str = "/socket.io",
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
        auth: dict[str, Any] | None = None,
        timeout: float = 30.0,
        on_event: Callable[..., None] = lambda name, *arguments: None,
    ) -> None:
        self.namespace = namespace
        self.engine = engine
        self.timeout = timeout
        self.on_event = on_event
        self._acks: dict[str, AsyncResult] = {}
        self._emitted = 0
        asked = urlencode({"EIO": engine, "transport": "websocket", **(query or {})})
        address = f"{url.replace('http', 'ws', 1)}{path}/?{asked}"
        try:
            self._websocket = create_connection(address, timeout=timeout, header=headers or {})
            opened = json.loads(self._websocket.recv()[1:])
            self._connect(query or {}, auth or {})
        except (OSError, ValueError, WebSocketException) as error:
            raise NotConnected(f"{type(error).__name__}: {error}") from error
        # Who hears no heartbeat for so long has lost the server. Both are milliseconds.
        self._websocket.settimeout((opened["pingInterval"] + opened["pingTimeout"]) / 1000)
        self._greenlets = [gevent.spawn(self._read)]
        if engine == 3:  # there it is the client that pings
            self._greenlets.append(gevent.spawn(self._ping, opened["pingInterval"] / 1000))

    def _connect(self, query: dict[str, str], auth: dict[str, Any]) -> None:
        if self.engine == 4:
            self._send(CONNECT, json.dumps(auth) if auth else "")
        elif self.namespace != "/":  # in that one every client of protocol 3 is unasked
            told = f"?{urlencode(query)}" if query else ""
            self._websocket.send(f"40{self.namespace}{told},")
        while True:
            frame = self._websocket.recv()
            if not frame:
                raise NotConnected("the server closed the connection")
            kind, namespace, _, data = self._packet(frame)
            if namespace == self.namespace and kind == CONNECT:
                return
            if kind == CONNECT_ERROR:
                raise NotConnected(data)

    @staticmethod
    def _packet(frame: str | bytes) -> tuple[str, str, str, str]:
        """Type, namespace, acknowledgement id and data; empty for what is no packet of Socket.IO's text."""
        found = None if isinstance(frame, bytes) else PACKET.fullmatch(frame)
        return (
            (found["type"], found["namespace"] or "/", found["id"] or "", found["data"]) if found else ("", "", "", "")
        )

    def _send(self, kind: str, data: str) -> None:
        namespace = "" if self.namespace == "/" else f"{self.namespace},"
        self._websocket.send(f"4{kind}{namespace}{data}")

    def _ping(self, interval: float) -> None:
        while True:
            gevent.sleep(interval)
            self._websocket.send("2")

    def _read(self) -> None:
        reason: Exception = NotConnected("the server closed the connection")
        try:
            while frame := self._websocket.recv():
                if frame == "2" and self.engine == 4:
                    self._websocket.send("3")
                kind, namespace, acknowledged, data = self._packet(frame)
                if namespace != self.namespace:
                    continue
                if kind == EVENT:
                    self.on_event(*json.loads(data))
                elif kind == ACK and acknowledged in self._acks:
                    self._acks.pop(acknowledged).set(json.loads(data))
                elif kind == DISCONNECT:
                    break
        except (OSError, WebSocketException) as error:
            reason = NotConnected(f"{type(error).__name__}: {error}")
        for waiting in self._acks.values():
            waiting.set_exception(reason)
        self._acks.clear()
        self._websocket.shutdown()

    def emit(self, name: str, *arguments: Any) -> None:
        """Emit an event.

        Raises:
            NotConnected: The connection has ended.
        """
        self._emit("", name, *arguments)

    def call(self, name: str, *arguments: Any) -> list[Any]:
        """Emit an event, and return the arguments of its acknowledgement.

        Raises:
            NotConnected: The connection has ended.
            gevent.Timeout: The server did not answer in time.
        """
        self._emitted += 1
        number = str(self._emitted)
        self._acks[number] = answer = AsyncResult()
        try:
            self._emit(number, name, *arguments)
            acknowledged: list[Any] = answer.get(timeout=self.timeout)
            return acknowledged
        finally:
            self._acks.pop(number, None)

    def _emit(self, number: str, *event: Any) -> None:
        try:
            self._send(EVENT, number + json.dumps(event))
        except (OSError, WebSocketException) as error:
            raise NotConnected(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Leave, and return when the connection has ended."""
        gevent.killall(self._greenlets)
        self._websocket.close()
