"""What a process holds at a moment, for whoever watches it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from socketio_bridge.options import TransportName
from socketio_bridge.transports.session import Session


class SocketKind(NamedTuple):
    """What sockets are counted by.

    Attributes:
        protocol: Engine.IO's, 3 or 4.
        transport: How packets travel now.
        namespace: The namespace's path; of a dynamic one the name of its class.
    """

    protocol: int
    transport: TransportName
    namespace: str


class Statistics(NamedTuple):
    """What a process holds at a moment.

    Attributes:
        sockets: How many sockets there are of each kind.
        sessions: Connections; one may have sockets in several namespaces, or none yet.
        queued: Bytes and characters in all send queues.
        congested: Connections of which no more is read, since too much input waits for its handlers.
        nodes: Other processes that this one hears.
    """

    sockets: Counter[SocketKind]
    sessions: int
    queued: int
    congested: int
    nodes: int


def statistics(sessions: Iterable[Session], label: Callable[[str], str], nodes: int) -> Statistics:
    """Count what there is.

    Args:
        sessions: Those of this process.
        label: Gives what a namespace is counted as, by its path.
        nodes: How many other processes this one hears.
    """
    sockets: Counter[SocketKind] = Counter()
    count = queued = congested = 0
    for session in sessions:
        count += 1
        queued += session.queued
        congested += session.congested
        for namespace in session.client.namespaces:
            sockets[SocketKind(session.revision, session.transport, label(namespace))] += 1
    return Statistics(sockets, count, queued, congested, nodes)
