"""Requests of a session that reach another process than the session's own.

A session belongs to the process that opened it, whose hub its id names. Another process that gets one of its requests
passes it on as questions to that hub (`socketio_bridge.adapter.cluster`), in order; a WebSocket that a session changes
over to stays where it was accepted and carries the session's packets from there. Of all this a session that stays in
its process knows nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from socketio_bridge.exceptions import ClusterError
from socketio_bridge.options import TransportName
from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, Revision

if TYPE_CHECKING:
    from socketio_bridge.adapter.adapter import Hub
    from socketio_bridge.transports.session import Session, Transport

logger = logging.getLogger(__name__)

_ANSWER_TIMEOUT = 10.0  # seconds that the owner may take for anything but a poll
_WINDOW = 256 * 1024  # bytes that may be under way to another process before the sender waits
_PACKET_OVERHEAD = 512  # bytes that a packet counts for beside its own


async def find_remote_session(hub: Hub, sid: str) -> RemoteSession | None:
    """The session of that id, if it lives in another process."""
    owner = hub.owner_of(sid)
    if owner == hub.id:
        return None
    try:
        found = await hub.cluster.ask(owner, "session.find", sid, _ANSWER_TIMEOUT)
    except ClusterError as error:
        logger.info("No session for a request: %s.", error)
        return None
    return None if found is None else RemoteSession(hub, sid, *found)


class RemoteSession:
    """A session of another process, as consumers see it: like a `Session`, with the way there in between."""

    def __init__(
        self,
        hub: Hub,
        sid: str,
        revision: Revision,
        transport: TransportName,
        upgrading: bool,
        wants_base64: bool,
        max_payload: int,
    ) -> None:
        self.sid = sid
        self.revision = revision
        self.transport = transport
        self.upgrading = upgrading
        self.wants_base64 = wants_base64
        self.max_payload = max_payload
        self.closed = False
        self.failed = False  # which only the session's own process learns
        self._hub = hub
        self._owner = hub.owner_of(sid)
        self._acts: deque[tuple[str, Any]] = deque()
        self._under_way = 0  # size of the packets that the session has not taken yet
        self._passing_on: asyncio.Task[None] | None = None
        self._carrier: int | None = None
        self._watching: asyncio.Task[None] | None = None

    async def poll(self) -> list[Packet]:
        """What `Session.poll` gives there. Raises `ProtocolError` where that does, or the session has ended."""
        try:
            packets = await self._hub.cluster.ask(self._owner, "session.poll", self.sid)
        except ClusterError as error:
            raise ProtocolError(f"the session has ended with its process: {error}") from error
        if packets is None:
            raise ProtocolError("the session has ended, or is being polled already")
        return cast(list[Packet], packets)

    def receive(self, packet: Packet) -> None:
        """Pass a packet of the client's on."""
        self._act("receive", [packet])

    async def take(self, packets: Iterable[Packet]) -> None:
        """`Session.take`; what comes by way of another process, next, must not overtake this."""
        for packet in packets:
            self.receive(packet)
        await self.relieved()

    def fail(self, error: ProtocolError) -> None:
        """End the session because the client broke the protocol."""
        self._act("fail", str(error))

    def close(self, reason: str, *, abruptly: bool = False) -> None:
        """End the session."""
        self._act("close", [reason, abruptly])

    def begin_upgrade(self) -> None:
        """A WebSocket is here to change over to."""
        self._act("begin_upgrade", None)

    def let_polls_go(self) -> None:
        """The WebSocket here has probed."""
        self._act("let_polls_go", None)

    def release(self) -> None:
        """Have the pending poll let go."""
        self._act("release", None)

    def abandon_upgrade(self) -> None:
        """The WebSocket that probed is gone."""
        self._act("abandon_upgrade", None)

    def attach(self, transport: Transport) -> None:
        """Have the session's packets sent into this process's WebSocket from now on."""
        self._carrier = self._hub.carriers.add(transport)
        self._act("attach", self._carrier)
        self._watching = asyncio.create_task(self._watch(transport))

    @property
    def congested(self) -> bool:
        """Whether so much is on its way to the session that no more should be read."""
        return self._under_way > _WINDOW

    async def relieved(self) -> None:
        """Return when all that the client sent has arrived and the session is not congested there."""
        while self._passing_on is not None:
            await asyncio.wait([self._passing_on])

    async def finish(self) -> None:
        """The WebSocket here is gone: tell the session."""
        if self._watching is not None:
            self._watching.cancel()
        if self._carrier is not None:
            self._hub.carriers.remove(self._carrier)
        self._act("finish", None)
        await self.relieved()

    def _act(self, what: str, detail: Any) -> None:
        if self.closed:
            return
        if what == "receive":
            self._under_way += _size(detail)
        if what == "receive" and self._acts and self._acts[-1][0] == "receive":
            self._acts[-1][1].extend(detail)
        else:
            self._acts.append((what, detail))
        if self._passing_on is None:
            self._passing_on = asyncio.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        try:
            while self._acts:
                what, detail = self._acts.popleft()
                await self._hub.cluster.ask(self._owner, "session.act", [self.sid, what, detail])
                if what == "receive":
                    self._under_way -= _size(detail)
        except ClusterError as error:
            logger.info("A session's process does not take its client's requests: %s.", error)
            self.closed = True
            self._acts.clear()
        finally:
            self._passing_on = None

    async def _watch(self, transport: Transport) -> None:
        """Close the WebSocket when the session ends, or its process."""
        try:
            await self._hub.cluster.ask(self._owner, "session.ended", self.sid)
        except ClusterError as error:
            logger.info("A session has ended with its process: %s.", error)
        self.closed = True
        try:
            await transport.close()
        except Exception as error:
            logger.debug("The transport was closed already: %r", error)


def _size(packets: Sequence[Packet]) -> int:
    return sum(map(len, packets)) + _PACKET_OVERHEAD * len(packets)


class Carriers:
    """A process's WebSockets that carry packets for sessions of other processes, by number."""

    def __init__(self) -> None:
        self._transports: dict[int, Transport] = {}
        self._numbers = itertools.count()

    def add(self, transport: Transport) -> int:
        """Take a WebSocket in; its number."""
        number = next(self._numbers)
        self._transports[number] = transport
        return number

    def remove(self, number: int) -> None:
        """Let a WebSocket go."""
        self._transports.pop(number, None)

    async def send(self, _asker: str, body: Any) -> bool:
        """Answer the owner's `carrier.send`: write packets, return when there is room for more; False: the WebSocket is
        gone, of which the session learns by itself.
        """
        number, packets = body
        transport = self._transports.get(number)
        if transport is None:
            return False
        try:
            await transport.send(packets)
        except Exception as error:
            logger.debug("The WebSocket cannot be written to: %r", error)
            return False
        return True


class _RemoteTransport:
    """A WebSocket in another process, for the session that it carries."""

    def __init__(self, hub: Hub, carrier_hub: str, number: int) -> None:
        self._hub = hub
        self._carrier_hub = carrier_hub
        self._number = number

    async def send(self, packets: Sequence[Packet]) -> None:
        """Return when the other process has written the packets. Raises `ClusterError` when it is gone, `OSError` when
        the WebSocket is.
        """
        if not await self._hub.cluster.ask(self._carrier_hub, "carrier.send", [self._number, packets]):
            raise OSError("the WebSocket that another process had for this session is gone")

    async def close(self) -> None:
        """Nothing: the other process closes when it hears of the session's end."""


def serve_sessions(hub: Hub) -> None:
    """Answer other processes' questions about this process's sessions."""
    host = _Host(hub)
    hub.cluster.answer("session.find", host.find)
    hub.cluster.answer("session.poll", host.poll)
    hub.cluster.answer("session.act", host.act)
    hub.cluster.answer("session.ended", host.ended)
    hub.cluster.answer("carrier.send", hub.carriers.send)


class _Host:
    """What the owner of sessions does for the processes that get their requests."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def find(self, _asker: str, sid: str) -> list[Any] | None:
        """What a consumer must know of a session; None: there is none."""
        session = self._hub.sessions.get(sid)
        if session is None:
            return None
        busy = session.upgrading or session.closed
        return [session.revision, session.transport, busy, session.wants_base64, session.max_payload]

    async def poll(self, _asker: str, sid: str) -> list[Packet] | None:
        """The packets that wait for a client."""
        session = self._hub.sessions.get(sid)
        try:
            return None if session is None else await session.poll()
        except ProtocolError:
            return None

    async def ended(self, _asker: str, sid: str) -> None:
        """Answered when the session ends."""
        session = self._hub.sessions.get(sid)
        if session is not None:
            await session.ended()

    async def act(self, asker: str, body: Any) -> None:
        """Do what a client did by way of another process; returns when more may come."""
        sid, what, detail = body
        session: Session | None = self._hub.sessions.get(sid)
        if session is None:
            return
        match what:
            case "receive":
                await session.take(detail)
            case "attach":
                session.attach(_RemoteTransport(self._hub, asker, detail))
            case "finish":
                await session.finish()
            case "fail":
                session.fail(ProtocolError(detail))
            case "close":
                session.close(detail[0], abruptly=detail[1])
            case "begin_upgrade":
                session.begin_upgrade()
            case "let_polls_go":
                session.let_polls_go()
            case "release":
                session.release()
            case "abandon_upgrade":
                session.abandon_upgrade()
