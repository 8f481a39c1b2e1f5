"""Clients that come at once, a few in each turn of the event loop.

What a handshake costs is small, and when hundreds of clients come back in the same moment, as after a cut, their
handshakes alone would make a turn of seconds in which nobody else is served. In turns of a few they take as long
altogether, and an event of a client that is here waits for a few of them, not for all.
"""

from __future__ import annotations

import asyncio
from collections import deque

A_TURN = 5
"""Newcomers that are let in between two looks for what else there is to do."""


class Newcomers:
    """The newcomers of one event loop, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._let_in = 0  # in this turn

    async def wait(self) -> None:
        """Return when it is the caller's turn: at once, unless others came in the same turn."""
        if self._let_in < A_TURN and not self._waiting:
            self._count()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _count(self) -> None:
        if not self._let_in:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._let_in += 1

    def _next_turn(self) -> None:
        self._let_in = 0
        while self._waiting and self._let_in < A_TURN:
            turn = self._waiting.popleft()
            if not turn.done():  # its client left meanwhile
                turn.set_result(None)
                self._count()
