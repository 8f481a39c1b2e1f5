"""A session of another process: its requests that come here are passed on to the process that it belongs to.

They arrive there in order, as requests to that process's node (`socketio_bridge.adapter.cluster`). A WebSocket that a
session changes over to stays where it was accepted and carries the session's packets from there. A session whose
requests all come to its own process has none of this in its way.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec

from socketio_bridge.adapter.cluster import Cluster
from socketio_bridge.exceptions import ClusterError
from socketio_bridge.options import TransportName
from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet, Revision
from socketio_bridge.transports.interfaces import Transport
from socketio_bridge.transports.session_commands import (
    AbandonUpgrade,
    Attach,
    BeginUpgrade,
    Close,
    Command,
    CommandFor,
    Drain,
    Fail,
    Finish,
    LetPollsGo,
    Receive,
    Release,
)

logger = logging.getLogger(__name__)

# The kinds of requests between the process that gets a session's requests and the session's own.
DESCRIBE = "session.describe"
POLL = "session.poll"
COMMAND = "session.command"
ENDED = "session.ended"
WRITE = "carrier.write"

_WINDOW = 256 * 1024  # bytes that may be under way to another process before the sender waits
_PACKET_OVERHEAD = 512  # bytes that a packet counts for beside its own


class SessionDescription(msgspec.Struct, array_like=True):
    """What consumers elsewhere know of a session. `busy`: no WebSocket may take it over."""

    revision: Revision
    transport: TransportName
    busy: bool
    wants_base64: bool
    max_payload: int


class PacketsFor(msgspec.Struct, array_like=True):
    """Packets to be written into the WebSocket of that number."""

    carrier: int
    packets: list[Any]  # of `Packet`: msgpack tells text from binary by itself, msgspec's types do not


class RemoteSession:
    """An `AnySession` of another process, the node `owner`; `carriers` are this process's."""

    def __init__(
        self, cluster: Cluster, carriers: Carriers, owner: str, sid: str, description: SessionDescription
    ) -> None:
        self.sid = sid
        self.revision = description.revision
        self.transport = description.transport
        self.upgrading = description.busy
        self.wants_base64 = description.wants_base64
        self.max_payload = description.max_payload
        self.closed = False
        self.failed = False  # which only the session's own process learns
        self._cluster = cluster
        self._carriers = carriers
        self._owner = owner
        self._commands: deque[Command] = deque()
        self._under_way = 0  # size of the packets that the session has not taken yet
        self._passing_on: asyncio.Task[None] | None = None
        self._carrier: int | None = None
        self._watching: asyncio.Task[None] | None = None

    async def poll(self) -> list[Packet]:
        """What `Session.poll` gives there. Raises `ProtocolError` where that does, or the session has ended."""
        try:
            packets = await self._cluster.request(self._owner, POLL, self.sid)
        except ClusterError as error:
            raise ProtocolError(f"the session has ended with its process: {error}") from error
        if packets is None:
            raise ProtocolError("the session has ended, or is being polled already")
        return cast(list[Packet], packets)

    def receive(self, packet: Packet) -> None:
        """Pass a packet of the client's on."""
        if self.closed:
            return
        self._under_way += _size([packet])
        last = self._commands[-1] if self._commands else None
        if type(last) is Receive:
            last.packets.append(packet)
        else:
            self._send(Receive([packet]))

    async def take(self, packets: Iterable[Packet]) -> None:
        """`Session.take`; what comes by way of another process, next, must not overtake this."""
        for packet in packets:
            self.receive(packet)
        await self.relieved()

    def fail(self, error: ProtocolError) -> None:
        """End the session because the client broke the protocol."""
        self._send(Fail(str(error)))

    def close(self, reason: str, *, abruptly: bool = False) -> None:
        """End the session."""
        self._send(Close(reason, abruptly))

    def drain(self, reason: str) -> None:
        """End the session when what the client has sent is handled."""
        self._send(Drain(reason))

    def begin_upgrade(self) -> None:
        """A WebSocket is here to change over to."""
        self._send(BeginUpgrade())

    def let_polls_go(self) -> None:
        """The WebSocket here has probed."""
        self._send(LetPollsGo())

    def release(self) -> None:
        """Have the pending poll let go."""
        self._send(Release())

    def abandon_upgrade(self) -> None:
        """The WebSocket that probed is gone."""
        self._send(AbandonUpgrade())

    def attach(self, transport: Transport) -> None:
        """Have the session's packets sent into this process's WebSocket from now on."""
        self._carrier = self._carriers.add(transport)
        self._send(Attach(self._carrier))
        self._watching = asyncio.create_task(self._watch(transport))

    @property
    def congested(self) -> bool:
        """Whether so much is on its way to the session that no more should be read."""
        return self._under_way > _WINDOW

    async def relieved(self) -> None:
        """Return when all that the client sent has arrived and the session is not congested there."""
        while self._passing_on is not None:
            await asyncio.wait([self._passing_on])

    async def finish(self, code: int | None = None) -> None:
        """The WebSocket here is gone: tell the session."""
        if self._watching is not None:
            self._watching.cancel()
        if self._carrier is not None:
            self._carriers.remove(self._carrier)
        self._send(Finish(code))
        await self.relieved()

    def _send(self, command: Command) -> None:
        if self.closed:
            return
        self._commands.append(command)
        if self._passing_on is None:
            self._passing_on = asyncio.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        try:
            while self._commands:
                command = self._commands.popleft()
                await self._cluster.request(self._owner, COMMAND, CommandFor(self.sid, command))
                if type(command) is Receive:
                    self._under_way -= _size(command.packets)
        except ClusterError as error:
            logger.info("A session's process does not take its client's requests: %s.", error)
            self.closed = True
            self._commands.clear()
        finally:
            self._passing_on = None

    async def _watch(self, transport: Transport) -> None:
        """Close the WebSocket when the session ends, or its process."""
        try:
            await self._cluster.request(self._owner, ENDED, self.sid)
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

    async def write(self, _asker: str, body: PacketsFor) -> bool:
        """Write packets, return when there is room for more; False: the WebSocket is gone, of which the session learns
        by itself.
        """
        transport = self._transports.get(body.carrier)
        if transport is None:
            return False
        try:
            await transport.send(body.packets)
        except Exception as error:
            logger.debug("The WebSocket cannot be written to: %r", error)
            return False
        return True
