"""The WebSocket consumer: moves packets between ASGI and a session, and nothing else.

Where the ASGI server has a `FrameChannel`, messages pass by that, which is the quicker way of the same.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

from channels.consumer import AsyncConsumer

from socketio_bridge.handshake import Handshake
from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, PacketType
from socketio_bridge.protocol.payload import encode_packet
from socketio_bridge.transports.engine import Engine
from socketio_bridge.transports.handshake import HandshakeRefused, check_handshake, read_handshake
from socketio_bridge.transports.interfaces import FRAME_CHANNEL, TURN, AnySession
from socketio_bridge.transports.packet_channel import ClientLeft, MessageTooLarge, PacketChannel, read_packet
from socketio_bridge.transports.session import Session

logger = logging.getLogger(__name__)

_CLOSE_TIMEOUT = 5.0  # seconds that a client has to take the end of its WebSocket: one that does not read never does
_GOING = 0.25  # seconds that the connection of a client that was denied has to end
_PROBE = PacketType.PING + "probe"
_PROBE_ANSWER = PacketType.PONG + "probe"
_MESSAGE_TOO_BIG = 1009  # RFC 6455, section 7.4.1


class WebSocketConsumer(AsyncConsumer):
    """One WebSocket connection: a session of its own, or one that changes over from long-polling.

    It runs its own receive loop: `AsyncConsumer`'s opens a channel-layer channel and a task for each socket, and looks
    a method up for each message, which costs more than the message itself. The adapter speaks to the channel layer for
    all sockets of the process.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._largest = engine.options.max_payload
        self._closed = False
        self.writer: PacketChannel | None = None  # where the server has a channel

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Serve the connection until either side ends it."""
        self._receive, self._send = receive, send
        self._channel = scope.get("extensions", {}).get(FRAME_CHANNEL)
        await receive()  # websocket.connect
        handshake = read_handshake(scope)
        try:
            check_handshake(handshake, "websocket", self._engine.options)
            if "sid" in handshake.query:
                session = await self._accept_upgrade(handshake)
            else:
                session = await self._accept_session(handshake)
        except HandshakeRefused as refusal:
            await refusal.report(handshake)
            await deny(scope, receive, send, refusal)
            return
        if session is not None:
            with self._engine.serving(session):
                await self._serve(session)

    async def _serve(self, session: AnySession) -> None:
        code = None
        try:
            if self.writer is None:
                await self._receive_all(session)
            else:
                await self.writer.receive_all(session)
        except ClientLeft as left:
            code = left.code
        except ProtocolError as error:
            if isinstance(error, MessageTooLarge):
                await self.close(_MESSAGE_TOO_BIG)
            session.fail(error)
        finally:
            await session.finish(code)

    async def _receive_all(self, session: AnySession) -> None:
        for number in itertools.count(1):
            session.receive(await self._next())
            if session.congested:
                await session.relieved()
            if number % TURN == 0:
                await asyncio.sleep(0)  # which `_next` is not where frames came many at a time

    async def _accept_session(self, handshake: Handshake) -> Session:
        session = await self._engine.begin_session(handshake)
        await self._accept(session)
        session.open(self)
        return session

    async def _accept_upgrade(self, handshake: Handshake) -> AnySession | None:
        session = await self._engine.find_session(handshake)
        await self._accept(session)
        if session.upgrading or session.closed or session.transport == "websocket":
            # Accepted and closed, not refused: so does the reference server, and clients take errors for its absence.
            await self.close()
            return None
        return session if await self._change_over(session) else None

    async def _accept(self, session: AnySession) -> None:
        self._revision = session.revision
        self._base64 = session.wants_base64
        if self._channel is not None:
            self.writer = PacketChannel(self._channel, self._revision, base64=self._base64, largest=self._largest)
        await self._send({"type": "websocket.accept"})

    async def send(self, packets: Sequence[Packet]) -> None:
        """Write each packet as a frame."""
        for packet in packets:
            if isinstance(packet, str):
                await self._send({"type": "websocket.send", "text": packet})
                continue
            frame = encode_packet(packet, self._revision, base64=self._base64)
            await self._send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    async def close(self, code: int = 1000) -> None:
        """End the connection, unless it was ended before."""
        if not self._closed:
            self._closed = True
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._send({"type": "websocket.close", "code": code})
            except TimeoutError:
                logger.debug("A client does not take the end of its WebSocket.")
                if self._channel is not None:
                    self._channel.abort()

    async def _next(self) -> Packet:
        message = await self._receive()
        if message["type"] != "websocket.receive":
            raise ClientLeft(message.get("code"))
        text: str | None = message.get("text")
        return read_packet(message["bytes"] if text is None else text, self._revision, self._largest)

    async def _change_over(self, session: AnySession) -> bool:
        """Take a session over from long-polling; False, and the WebSocket is closed, when that came to nothing.

        The client probes, we answer and let its poll go, the client says UPGRADE when no poll is pending any more
        (Engine.IO protocol 4, "Upgrade"): from then on what waits for it goes here.
        """
        session.begin_upgrade()
        try:
            async with asyncio.timeout(self._engine.options.upgrade_timeout):
                if await self._next() != _PROBE:
                    raise ProtocolError("a WebSocket of a session that polls must begin with a probe")
                session.let_polls_go()
                await self.send([_PROBE_ANSWER])
                if await self._next() != PacketType.UPGRADE:
                    raise ProtocolError("a probe must be followed by an upgrade")
                if session.closed:
                    raise ClientLeft
        except (ProtocolError, OSError, ClientLeft, asyncio.CancelledError) as reason:
            logger.info("A session did not change over to a WebSocket: %r.", reason)
            session.abandon_upgrade()
            if isinstance(reason, asyncio.CancelledError):
                raise
            if isinstance(reason, ProtocolError | TimeoutError):  # any other OSError: there is nothing left to close
                await self.close()
            return False
        session.attach(self)
        return True


async def deny(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
    refusal: HandshakeRefused,
) -> None:
    """Answer a WebSocket before it is accepted with Engine.IO's error body.

    ASGI servers without the WebSocket denial extension close the connection with status 403 instead.
    """
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    body = refusal.body()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
    # An application that returns sooner has not answered the handshake, as uvicorn sees it, and gets an ERROR in its
    # log. uvicorn says that the client is gone when the body is written, and again when the connection is.
    with suppress(TimeoutError):
        async with asyncio.timeout(_GOING):
            gone = 0
            while gone < 2:
                gone += (await receive())["type"] == "websocket.disconnect"
