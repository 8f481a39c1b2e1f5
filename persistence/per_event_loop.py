"""One object for each event loop: what holds futures, tasks or connections cannot be shared between loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Bound = TypeVar("Bound")


class PerLoop(Generic[Bound]):
    """Makes an object when a loop first asks for it. Drops the objects of closed loops when it makes another.

        _clients = PerLoop(lambda: httpx.AsyncClient(timeout=3))
        response = await _clients.get().get(url)

    Args:
        make: Makes the object.
    """

    def __init__(self, make: Callable[[], Bound]) -> None:
        self._make = make
        # Not by weak references: most things hold a task or a future, which holds its loop.
        self._of_loop: dict[asyncio.AbstractEventLoop, Bound] = {}

    def __len__(self) -> int:
        return len(self._of_loop)

    def get(self) -> Bound:
        """The running loop's object."""
        loop = asyncio.get_running_loop()
        found = self._of_loop.get(loop)
        if found is None:
            for closed in [known for known in self._of_loop if known.is_closed()]:
                del self._of_loop[closed]
            found = self._of_loop[loop] = self._make()
        return found

    def forget(self) -> Bound | None:
        """Remove the running loop's object and return it; None: there is none. The next `get` makes another."""
        return self._of_loop.pop(asyncio.get_running_loop(), None)
