"""The sessions of a process, and what it answers to other processes that get requests of theirs.

A session belongs to the process that opened it, whose node its id names. Another process that gets one of its requests
passes it on to that node (`socketio_bridge.transports.remote_session`).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import msgspec

from socketio_bridge.adapter.adapter import Adapter
from socketio_bridge.exceptions import ClusterError
from socketio_bridge.protocol import ProtocolError
from socketio_bridge.protocol.engineio import Packet
from socketio_bridge.transports.interfaces import AnySession
from socketio_bridge.transports.newcomers import Newcomers
from socketio_bridge.transports.remote_session import (
    COMMAND,
    DESCRIBE,
    ENDED,
    POLL,
    WRITE,
    Carriers,
    PacketsFor,
    RemoteSession,
    SessionDescription,
)
from socketio_bridge.transports.session import Session
from socketio_bridge.transports.session_commands import CommandFor, apply

logger = logging.getLogger(__name__)

_ID_BYTES = 12  # of randomness in a session's id, behind its node's
_FIND_TIMEOUT = 10.0  # seconds that another process may take to tell of a session


class SessionRegistry:
    """A process's `sessions` by id, the clients that want one, and its WebSockets that carry packets for sessions of
    other processes.
    """

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.newcomers = Newcomers()
        self.carriers = Carriers()


_registries: WeakKeyDictionary[Adapter, SessionRegistry] = WeakKeyDictionary()


def registry_of(adapter: Adapter) -> SessionRegistry:
    """The registry of the process that an adapter serves."""
    registry = _registries.get(adapter)
    if registry is None:
        registry = _registries[adapter] = SessionRegistry()
    return registry


def new_session_id(adapter: Adapter) -> str:
    """An id for a session of this process; it begins with the id of its node."""
    return adapter.id + secrets.token_urlsafe(_ID_BYTES)


async def find_session(adapter: Adapter, sid: str) -> AnySession | None:
    """The session of an id, in whatever process it lives."""
    registry = registry_of(adapter)
    if sid in registry.sessions:
        registry.sessions[sid].keep_time()
    session = registry.sessions.get(sid)
    owner = sid[: len(adapter.id)]
    if session is not None or owner == adapter.id:
        return session
    try:
        found = await adapter.cluster.request(owner, DESCRIBE, sid, _FIND_TIMEOUT)
    except ClusterError as error:
        logger.info("No session for a request: %s.", error)
        return None
    if found is None:
        return None
    return RemoteSession(adapter.cluster, registry.carriers, owner, sid, msgspec.convert(found, SessionDescription))


def serve(adapter: Adapter) -> None:
    """Have an adapter answer what other processes ask of this process's sessions and WebSockets."""
    registry = registry_of(adapter)
    owner = _Owner(adapter, registry.sessions)
    adapter.cluster.on_request(DESCRIBE, owner.describe, takes=str)
    adapter.cluster.on_request(POLL, owner.poll, takes=str)
    adapter.cluster.on_request(COMMAND, owner.command, takes=CommandFor)
    adapter.cluster.on_request(ENDED, owner.ended, takes=str)
    adapter.cluster.on_request(WRITE, registry.carriers.write, takes=PacketsFor)


class _Owner:
    """Does for other processes what they ask of sessions here."""

    def __init__(self, adapter: Adapter, sessions: dict[str, Session]) -> None:
        self._adapter = adapter
        self._sessions = sessions

    def describe(self, _asker: str, sid: str) -> SessionDescription | None:
        """What a consumer must know of a session; None: there is none."""
        session = self._sessions.get(sid)
        if session is None:
            return None
        busy = session.upgrading or session.closed
        return SessionDescription(session.revision, session.transport, busy, session.wants_base64, session.max_payload)

    async def poll(self, _asker: str, sid: str) -> list[Packet] | None:
        """The packets that wait for a client; None where it may not poll."""
        session = self._sessions.get(sid)
        try:
            return None if session is None else await session.poll()
        except ProtocolError:
            return None

    async def command(self, asker: str, body: CommandFor) -> None:
        """Do what a client did by way of another process; returns when more may come."""
        session = self._sessions.get(body.sid)
        if session is not None:
            await apply(body.command, session, lambda number: _RemoteTransport(self._adapter, asker, number))

    async def ended(self, _asker: str, sid: str) -> None:
        """Answered when the session ends."""
        session = self._sessions.get(sid)
        if session is not None:
            await session.ended()


class _RemoteTransport:
    """A WebSocket in another process, for the session that it carries."""

    writer = None

    def __init__(self, adapter: Adapter, carrier_node: str, number: int) -> None:
        self._adapter = adapter
        self._carrier_node = carrier_node
        self._number = number

    async def send(self, packets: Sequence[Packet]) -> None:
        """Return when the other process has written the packets. Raises `ClusterError` when it is gone, `OSError` when
        the WebSocket is.
        """
        if not await self._adapter.cluster.request(self._carrier_node, WRITE, PacketsFor(self._number, list(packets))):
            raise OSError("the WebSocket that another process had for this session is gone")

    async def close(self) -> None:
        """Nothing: the other process closes when it hears of the session's end."""
