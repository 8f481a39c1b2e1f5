"""One of something for each event loop: what holds futures, tasks or connections cannot be shared between loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Bound = TypeVar("Bound")


class PerLoop(Generic[Bound]):
    """Makes its thing when a loop first asks for it. Forgets the things of closed loops when it makes another."""

    def __init__(self, make: Callable[[], Bound]) -> None:
        self._make = make
        # Not by weak references: most things hold a task or a future, which holds its loop.
        self._of_loop: dict[asyncio.AbstractEventLoop, Bound] = {}

    def __len__(self) -> int:
        return len(self._of_loop)

    def get(self) -> Bound:
        """The running loop's thing."""
        loop = asyncio.get_running_loop()
        found = self._of_loop.get(loop)
        if found is None:
            for closed in [known for known in self._of_loop if known.is_closed()]:
                del self._of_loop[closed]
            found = self._of_loop[loop] = self._make()
        return found

    def forget(self) -> Bound | None:
        """Take the running loop's thing away, and return it, if there is one. The next `get` makes another."""
        return self._of_loop.pop(asyncio.get_running_loop(), None)
