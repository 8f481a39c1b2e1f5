"""One of something for each event loop: what holds futures, tasks or connections cannot be shared between loops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

Bound = TypeVar("Bound")


class PerLoop(Generic[Bound]):
    """Makes its thing when a loop first asks for it; forgets it with the loop."""

    def __init__(self, make: Callable[[], Bound]) -> None:
        self._make = make
        self._of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Bound] = WeakKeyDictionary()

    def get(self) -> Bound:
        """The running loop's."""
        loop = asyncio.get_running_loop()
        bound = self._of_loop.get(loop)
        if bound is None:
            bound = self._of_loop[loop] = self._make()
        return bound

    def forget(self) -> Bound | None:
        """Take the running loop's away, if it has one; the next `get` makes another."""
        return self._of_loop.pop(asyncio.get_running_loop(), None)
