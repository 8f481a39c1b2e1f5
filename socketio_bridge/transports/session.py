"""A session: one client's connection, between a transport that moves packets and the sockets that handlers see.

The rules are `socketio_bridge.protocol.socketio`'s; here they get a clock and a send queue. The sockets are
`socketio_bridge.sockets.client`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, MutableMapping, Sequence
from typing import Protocol

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.handshake import Handshake
from socketio_bridge.instrumentation import instrumentation
from socketio_bridge.options import Options, TransportName
from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import EngineIO, Packet, PacketType, Revision
from socketio_bridge.protocol.socketio import LARGEST_PACKET, EventReceived, SocketIO
from socketio_bridge.sockets.client import Client
from socketio_bridge.sockets.interfaces import Handlers
from socketio_bridge.sockets.socket import Socket
from socketio_bridge.transports.handshake import wants_base64
from socketio_bridge.transports.interfaces import TURN, Transport
from socketio_bridge.transports.send_queue import SendQueue

logger = logging.getLogger(__name__)

# Seconds that a poll may wait while a WebSocket probes; the reference server's are 0.1. Not none: a client may send its
# UPGRADE and a poll at once, and they may come in any order.
_LETTING_GO = 0.05
_STRANGERS_PAYLOAD = 64_000  # bytes of a message from a client in no namespace yet: it has nothing to send but CONNECT
_DRAIN_TIMEOUT = 5.0  # seconds that a client has to read what was queued when the server hangs up


class SessionHost(Protocol):
    """What opens sessions, and what they know of it."""

    @property
    def options(self) -> Options:
        """How the bridge behaves."""

    @property
    def find_namespace(self) -> Callable[[str], Handlers[Socket] | None]:
        """Gives the handlers of a namespace by its path, if there are any."""


class Session:
    """One client's connection, by long-polling or over a WebSocket, or first by one and then over the other.

    Args:
        engine: what opens it.
        adapter: of this process.
        sessions: this process's open sessions by id, among which it is from `open` until its end.
        sid: its id.
        handshake: the request that opens it.
        revision: the Engine.IO protocol that the client speaks.
    """

    __slots__ = (
        "_address",
        "_answers_due",
        "_connect_deadline",
        "_drained_for",
        "_end",
        "_hanging_up",
        "_letting_go",
        "_loop",
        "_polling",
        "_protocol",
        "_relief",
        "_send_queue",
        "_sessions",
        "_taking",
        "_timer",
        "_transport",
        "adapter",
        "client",
        "close_code",
        "closed",
        "engine",
        "failed",
        "inbound",
        "joined",
        "options",
        "upgrading",
        "wants_base64",
    )

    def __init__(
        self,
        engine: SessionHost,
        adapter: Adapter,
        sessions: MutableMapping[str, Session],
        sid: str,
        handshake: Handshake,
        revision: Revision,
    ) -> None:
        self.engine = engine
        self.options = engine.options
        self.adapter = adapter
        self._sessions = sessions
        self.closed = False
        self.close_code: int | None = None
        self.upgrading = False
        self.failed = False  # by a client that broke the protocol
        self._drained_for: str | None = None  # the reason for which it ends when what came is handled
        self.joined = False  # a namespace of the application let the client in
        self._transport: Transport | None = None
        self._polling = False
        self._letting_go = False
        self.wants_base64 = wants_base64(handshake)
        self._address = handshake.address
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        engine_io = EngineIO(
            sid,
            revision,
            now,
            ping_interval=self.options.ping_interval,
            ping_timeout=self.options.ping_timeout,
            max_payload=self.options.max_payload,
        )
        self._protocol = SocketIO(engine_io, self.options.parsers)
        self._send_queue = SendQueue(
            self.options.outbound_limit,
            on_stuck=self._drop,
            on_broken=lambda: self.close("transport error", abruptly=True),
        )
        self.client = Client(self, self._protocol, handshake, engine.find_namespace)
        self.inbound = 0  # size of the events that wait for their handlers
        self._answers_due = 0  # acknowledgements that the server waits for
        self._relief: asyncio.Future[None] | None = None
        self._taking = asyncio.Lock()
        self._connect_deadline: float | None = now + self.options.connect_timeout
        self._timer: asyncio.TimerHandle | None = None
        self._hanging_up: asyncio.Task[None] | None = None
        self._end: asyncio.Future[None] | None = None

    @property
    def sid(self) -> str:
        """Engine.IO's session id."""
        return self._protocol.engine.sid

    @property
    def revision(self) -> Revision:
        """The Engine.IO protocol that the client speaks."""
        return self._protocol.engine.revision

    @property
    def transport(self) -> TransportName:
        """How packets travel now."""
        return "polling" if self._transport is None else "websocket"

    def open(self, transport: Transport | None) -> None:
        """Greet the client: over a WebSocket, or (None) by what it fetches."""
        self._sessions[self.sid] = self
        event = self._protocol.open(self.options.upgrades if transport is None else ())
        self.flush()
        if transport is not None:
            self._attach(transport)
        if event is not None:
            self.client.take(event)
        self._set_timer()

    def attach(self, transport: Transport) -> None:
        """Push packets into a WebSocket from now on: the client has changed over."""
        self._attach(transport)
        self.client.upgraded()

    def _attach(self, transport: Transport) -> None:
        self.upgrading = self._letting_go = False
        self._transport = transport
        self._send_queue.attach(transport.send, transport.writer)

    def begin_upgrade(self) -> None:
        """A WebSocket is there to change over to; a second one would be none of the client's."""
        self.upgrading = True

    def let_polls_go(self) -> None:
        """The WebSocket has probed: the client changes over when no poll of its is pending any more."""
        self._letting_go = True
        self._let_go_soon()

    def release(self) -> None:
        """Let the client's pending poll go, with nothing if nothing waits."""
        self._send_queue.release()

    def abandon_upgrade(self) -> None:
        """The WebSocket that probed is gone: polling goes on."""
        self.upgrading = self._letting_go = False

    async def poll(self) -> list[Packet]:
        """The packets that wait for the client, at least one; waits until there is one.

        A NOOP lets the client go when it is changing over to a WebSocket or has closed the session itself, a CLOSE when
        the session has ended otherwise (Engine.IO protocol 4, "Upgrade" and "Transports / HTTP long-polling"). Raises
        `ProtocolError`, and ends the session, for a second poll at a time; also when the client has changed over while
        it polled.
        """
        if self._polling:
            self.close("transport error", abruptly=True)
            raise ProtocolError("two polls of one session at a time")
        self._polling = True
        if self._letting_go:
            self._let_go_soon()
        try:
            packets = await self._send_queue.take()
        finally:
            self._polling = False
        if self._transport is not None:
            raise ProtocolError("a poll of a session that has changed over to a WebSocket")
        if self.closed and not self._closed_by_client:
            packets.append(PacketType.CLOSE)
        return packets or [PacketType.NOOP]

    def receive(self, packet: Packet) -> None:
        """Take a packet from the client; one that breaks the protocol ends the session."""
        if self.closed:
            return
        if not self.joined and len(packet) > self.max_payload:
            self.fail(
                ProtocolError(
                    f"a packet of {len(packet)} bytes; before CONNECT is answered {self.max_payload} may come"
                )
            )
            return
        try:
            event = self._protocol.receive(packet, self._loop.time())
        except ProtocolError as error:
            self.fail(error)
            return
        if event is not None:
            self.client.take(event)
        elif self._protocol.engine.closed:
            self.close("transport close", abruptly=True)
        elif self._timer is not None and self._protocol.engine.deadline < self._timer.when():
            self._set_timer()  # A pong came, and the next ping is due before its verdict would have been.
        if self._protocol.engine.outgoing:
            self.flush()

    async def take(self, packets: Iterable[Packet]) -> None:
        """Take the packets of a payload in turns, between which other clients have theirs; return when more may come.

        Raises the `ProtocolError` of a payload that turns out to be broken.
        """
        async with self._taking:
            for number, packet in enumerate(packets, 1):
                self.receive(packet)
                if self.closed:
                    return
                if number % TURN == 0:
                    await asyncio.sleep(0)
        await self.relieved()

    @property
    def max_payload(self) -> int:
        """The largest message, and HTTP body, that the client may send now, in bytes."""
        largest = self.options.max_payload
        return largest if self.joined else min(largest, _STRANGERS_PAYLOAD)

    def fail(self, error: ProtocolError) -> None:
        """End the session because the client broke the protocol."""
        self.failed = True
        logger.info("Closing the connection from %s: %s.", self._address, error)
        self.close("parse error", abruptly=True)

    @property
    def _closed_by_client(self) -> bool:
        return self._protocol.engine.closed and self._protocol.engine.close_reason == "transport close"

    @property
    def congested(self) -> bool:
        """Whether so much input waits for its handlers that no more should be read.

        While a handler waits for the client's answer, which may stand behind events that the client sent before, more
        is read, but no more than one packet with its attachments may come to. Nothing is read of a session that is
        drained: a client knows by the missing acknowledgement that an event has not arrived.
        """
        if self._drained_for is not None and not self._answers_due:
            return not self.closed
        limit = self.options.inbound_limit
        if self._answers_due:
            limit += LARGEST_PACKET * self.options.max_payload
        return self.inbound > limit and not self.closed

    async def relieved(self) -> None:
        """Return when the session is no longer congested."""
        while self.congested:
            if self._relief is None:
                self._relief = self._loop.create_future()
            await asyncio.shield(self._relief)

    @property
    def queued(self) -> int:
        """Bytes and characters that wait for the client."""
        return self._send_queue.size

    @property
    def ready(self) -> bool:
        """Whether the client is there to take what is sent now."""
        return self._send_queue.ready

    def send(self, packet: Packet, attachments: Sequence[bytes] = ()) -> None:
        """Queue a packet for the client, and right behind it the packet's binary."""
        if self._protocol.packed and isinstance(packet, str):
            try:
                packet, attachments = self._protocol.pack(packet, attachments), ()
            except Exception:  # of one client must not keep an emission from the others
                logger.exception("An event that MessagePack cannot hold: the client at %s misses it.", self._address)
                return
        self._send_queue.put(packet, *attachments)

    def close(self, reason: str, *, abruptly: bool = False) -> None:
        """End the session: its sockets leave with `reason`; what is queued is sent before, unless `abruptly`."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.client.leave(reason)
        self._relieve()
        if abruptly:
            self._send_queue.discard()
            self._sessions.pop(self.sid, None)  # there is nothing left to fetch
        self._hanging_up = self._loop.create_task(self._hang_up())

    def drain(self, reason: str) -> None:
        """End the session, with what is queued, as soon as the events that came are handled; read no more."""
        self._drained_for = reason
        self._close_if_drained()

    async def finish(self, code: int | None = None) -> None:
        """The transport is gone: close, and return when all handlers have ended."""
        if not self.closed:
            self.close_code = code
        self.close("transport close", abruptly=True)
        await self.client.finished()
        if self._hanging_up is not None:
            await asyncio.wait([self._hanging_up])

    async def ended(self) -> None:
        """Return when the session has ended and its last packets are on their way."""
        if self._hanging_up is None or not self._hanging_up.done():
            if self._end is None:
                self._end = self._loop.create_future()
            await asyncio.shield(self._end)

    # Called by `Client`, and by its sockets.

    def flush(self) -> None:
        """Queue what the protocol has to say."""
        if packets := self._protocol.packets_to_send():
            self._send_queue.put(*packets)

    def keep(self) -> None:
        """The client is in a namespace: it may stay."""
        self._connect_deadline = None

    def keep_for_a_while(self) -> None:
        """The client is in no namespace any more: it may stay until it should have joined another."""
        if self._connect_deadline is None and not self.closed:
            self._connect_deadline = self._loop.time() + self.options.connect_timeout
            self._set_timer()

    def expect_answer(self, count: int = 1) -> None:
        """The client owes so many more acknowledgements."""
        self._answers_due += count
        if self._relief is not None and not self.congested:
            self._relieve()

    def received(self, event: EventReceived) -> None:
        """Note that an event waits for its handler."""
        self.inbound += event.size
        event.received_at = time.monotonic()

    def handled(self, event: EventReceived) -> None:
        """Note that an event's handler has ended."""
        self.inbound -= event.size
        self._close_if_drained()
        if self._relief is not None and not self.congested:
            self._relieve()

    def _drop(self) -> None:
        instrumentation().client_dropped()
        self.close("transport error", abruptly=True)

    def _close_if_drained(self) -> None:
        if self._drained_for is not None and not self.inbound:
            self.close(self._drained_for)

    def _let_go_soon(self) -> None:
        self._loop.call_later(_LETTING_GO, self.release)

    def _relieve(self) -> None:
        if self._relief is not None and not self._relief.done():
            self._relief.set_result(None)
        self._relief = None

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._protocol.engine.deadline
        if self._connect_deadline is not None:
            deadline = min(deadline, self._connect_deadline)
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def keep_time(self) -> None:
        """Do what is due, should the timer be late: a request that comes too late finds no session any more."""
        if not self.closed and self._timer is not None and self._loop.time() >= self._timer.when():
            self._on_timer()

    def _on_timer(self) -> None:
        now = self._loop.time()
        engine = self._protocol.engine
        if self._connect_deadline is not None and now >= self._connect_deadline:
            self.close("connect timeout")
            return
        # While congested, the peer's pongs wait behind input that is not read: it cannot be blamed for their absence.
        engine.tick(now, heard=not self.congested)
        if engine.close_reason is not None:
            self.close(engine.close_reason, abruptly=True)
            return
        self.flush()
        self._set_timer()

    async def _hang_up(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT):
                await self._send_queue.drain()
        except TimeoutError:
            self._send_queue.discard()
        self._sessions.pop(self.sid, None)
        try:
            if self._transport is not None:
                await self._transport.close()
        except Exception as error:
            logger.debug("The transport was closed already: %r", error)
        if self._end is not None:
            self._end.set_result(None)
