"""A user who comes and goes on several processes at once: what is told last is how it is."""

from __future__ import annotations

import asyncio
import random
import threading
import uuid
from collections.abc import Coroutine
from typing import Any

import pytest

import presence
from conversations import announcements
from conversations.sockets import statuses
from conversations.sockets.statuses import announce_status
from socketio_bridge import Outgoing
from tests.conversations.conftest import Rooms

PROCESSES = 3
CHANGES = 60


class Layer:
    """A channel layer that takes its time. `heard`: the statuses that an outside listener got, in its order."""

    def __init__(self) -> None:
        self.heard: list[bool] = []
        self._waiting: dict[int, list[bool]] = {}

    async def emit(
        self, event: Outgoing[None], *, to: list[str], namespace: str, except_: list[str] | None = None
    ) -> None:
        self._waiting.setdefault(threading.get_ident(), []).append(event.arguments[0].status)

    async def flush(self) -> None:
        await asyncio.sleep(random.random() * 0.01)
        self.heard.extend(self._waiting.pop(threading.get_ident(), []))


class Run:
    """Processes, as event loops in threads of their own, and one more on which somebody watches."""

    def __init__(self, seed: int) -> None:
        self.stays: list[bool] = []
        """Of each process: whether the user is connected to it in the end."""
        self._seed = seed
        self._watching = threading.Event()
        self._flapped = threading.Barrier(PROCESSES + 1)
        self._failures: list[BaseException] = []

    def to_the_end(self) -> None:
        works = [self._process(number) for number in range(PROCESSES)] + [self._watcher()]
        threads = [threading.Thread(target=self._run, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not self._failures

    async def _process(self, number: int) -> None:
        chance = random.Random(self._seed * 10 + number)
        here = presence.current()
        told = []
        is_open = False
        await asyncio.to_thread(self._watching.wait)
        for _ in range(CHANGES):
            change = here.leave if is_open else here.enter
            is_open = not is_open
            if await change("7", f"s{number}"):
                told.append(asyncio.create_task(announce_status("7")))
            await asyncio.sleep(chance.random() * 0.01)
        if chance.random() < 0.5 and is_open and await here.leave("7", f"s{number}"):
            told.append(asyncio.create_task(announce_status("7")))
            is_open = False
        self.stays.append(is_open)
        await asyncio.gather(*told)
        await asyncio.to_thread(self._flapped.wait)
        await presence.stop_current()

    async def _watcher(self) -> None:
        await presence.current().enter("9", "s")
        self._watching.set()
        await asyncio.to_thread(self._flapped.wait)
        online = await presence.current().online(["7"])
        assert bool(online) == any(self.stays)
        await presence.stop_current()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            asyncio.run(asyncio.wait_for(work, 30))
        except BaseException as failure:
            self._failures.append(failure)
            self._flapped.abort()


@pytest.mark.parametrize("seed", range(3))
def test_what_is_told_last_is_true(seed: int, settings: Any, rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PRESENCE = {"prefix": f"test:{uuid.uuid4().hex}:"}
    rooms(("7", "9"))
    layer, run = Layer(), Run(seed)
    monkeypatch.setattr(announcements, "emit", layer.emit)
    monkeypatch.setattr(statuses, "flush", layer.flush)
    run.to_the_end()
    assert layer.heard[-1] == any(run.stays)
