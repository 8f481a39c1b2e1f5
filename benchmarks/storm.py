"""A process dies with its sockets: how long until all are back on the other one, and what others notice meanwhile."""

import asyncio
import contextlib
import itertools
import os
import random
import secrets
import signal
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from . import load
from .processes import Server
from .websocket_client import LoadSocket, ServerClosed, text_frame

LIGHT = 0.2  # seconds between two events of a pair
DELAY = 1.0  # seconds after which a stock client tries again, give or take half of them
LONGEST = 60.0  # seconds that are waited for the last


@dataclass
class Storm:
    """What was seen: seconds until the last is back, and waits of the light load meanwhile."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)


async def measure(server: Server, people: list[load.Pair], jwt_key: str, *, sockets: int, event: str) -> Storm:
    """Kill the first of two processes, with so many sockets, while pairs on the second send `event`, lightly."""
    dying, staying = server.ports
    storm, back = Storm(), asyncio.Semaphore(0)
    idle = await load.hold_idle(dying, 0, sockets, jwt_key)
    pairs = await load.both_sides([staying], people, jwt_key)
    sending = [
        asyncio.create_task(_send(pair, *sides, event, storm.waits))
        for pair, sides in zip(people, zip(*pairs, strict=True), strict=True)
    ]
    returned: list[LoadSocket] = []
    coming: set[asyncio.Task[None]] = set()

    def lost(number: int) -> Callable[[], None]:
        def come_back() -> None:
            coming.add(asyncio.create_task(_come_back(staying, number, jwt_key, returned, back)))

        return come_back

    for number, socket in enumerate(idle):
        socket.on_lost = lost(number)
    await asyncio.sleep(1)
    storm.waits.clear()
    began = time.perf_counter()
    os.kill(server.pids[0], signal.SIGKILL)
    with contextlib.suppress(TimeoutError):  # the figure says so
        async with asyncio.timeout(LONGEST):
            for _ in range(sockets):
                await back.acquire()
    storm.seconds = time.perf_counter() - began
    for task in (*sending, *coming):
        task.cancel()
    for socket in itertools.chain(returned, *pairs):
        socket.transport.close()
    return storm


async def _come_back(port: int, number: int, jwt_key: str, returned: list[LoadSocket], back: asyncio.Semaphore) -> None:
    """As a stock client does it: again and again, with a random delay that doubles up to five seconds."""
    for delay in itertools.chain((DELAY, 2 * DELAY), itertools.repeat(5 * DELAY)):
        await asyncio.sleep(delay * random.uniform(0.5, 1.5))
        try:
            returned.append(await load.connect(port, str(900_000 + number), "BUYER", jwt_key))
        except (ServerClosed, OSError):
            continue
        back.release()
        return


async def _send(pair: load.Pair, buyer: LoadSocket, seller: LoadSocket, event: str, waits: list[float]) -> None:
    began: deque[float] = deque()

    def arrived(count: int) -> None:
        for _ in range(count):
            waits.append(time.perf_counter() - began.popleft())

    seller.counted, seller.on_counted = f'42{load.NAMESPACE},["{event}"'.encode(), arrived
    measurement, numbers = secrets.token_hex(4), itertools.count()
    head = f'42{load.NAMESPACE},["{event}",{{"room_id":"{pair.room_id}","from":"{pair.buyer}","to":"{pair.seller}"'
    await asyncio.sleep(random.uniform(0, LIGHT))
    while True:
        tail = ""
        if event == "new_message":
            tail = f',"type":"TEXT","content":"Is it there?","client_message_id":"{measurement}-{next(numbers)}"'
        began.append(time.perf_counter())
        buyer.transport.write(text_frame(f"{head}{tail}}}]".encode()))
        await asyncio.sleep(LIGHT)
