"""What connection state recovery notes of a socket that is here."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from socketio_bridge.adapter.envelope import Emission
from socketio_bridge.recovery.offsets import Mark, Position
from socketio_bridge.sockets.socket import Socket


class Missed(NamedTuple):
    """A packet that the client has missed, with its offset in it."""

    text: str
    attachments: Sequence[bytes]


class Recoverable:
    """What a socket may come back with, and from where on it may then have missed something.

    `known` is `store.State.known`. `covered` is set for one that came back: how far it was brought from the stream,
    where that may be further than this node has read. Until it is let in, `held_back` is what is emitted to
    it, and `missed` what it missed. `seen_data`: its data as they were last kept.
    """

    __slots__ = ("covered", "held_back", "known", "last_offset", "missed", "pid", "seen_data")

    def __init__(self, known: dict[str, str], pid: str | None = None) -> None:
        self.pid = secrets.token_urlsafe(18) if pid is None else pid
        self.last_offset = ""
        self.known = known
        self.covered: Position | None = None
        self.held_back: list[tuple[Emission, Mark]] | None = None
        self.missed: Sequence[Missed] = ()
        self.seen_data: dict[str, Any] = {}

    def known_at(self, now: str) -> dict[str, str]:
        """`known`, where `now` is how far its node is: a client that has the last event sent to it missed nothing."""
        return {**self.known, self.last_offset: now}

    def forget_all_but(self, origins: Collection[str]) -> None:
        """Wait no more for what nodes emitted that are gone: it does not get into the stream."""
        if self.covered is not None:
            numbers = {origin: number for origin, number in self.covered.numbers.items() if origin in origins}
            self.covered = self.covered._replace(numbers=numbers)

    def remember(self, now: str, oldest: int) -> None:
        """Keep `known_at`, and drop what is older than a Unix time (ms).

        A client that got nothing for hours, and then not what was sent into its broken connection, says that it is
        hours behind.
        """
        known = self.known_at(now)
        self.known = {offset: at for offset, at in known.items() if int(at.partition("-")[0]) >= oldest}


def recoverable_of(socket: Socket) -> Recoverable | None:
    """What is noted of a socket; None for one that cannot come back."""
    noted: Recoverable | None = socket.extension_state
    return noted


def note(socket: Socket, recoverable: Recoverable | None) -> None:
    """Note it of a socket, whose client learns the `pid` when it is let in."""
    socket.extension_state = recoverable
    socket.pid = None if recoverable is None else recoverable.pid
