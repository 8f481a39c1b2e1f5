"""A process of many clients that are no good: `python -m tests.faults.crowd KIND ORDER`, the order in JSON.

It prints what it did as JSON. Apart from the test's own process, so that those who measure do not wait for it.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.load import connect
from benchmarks.websocket_client import LoadSocket
from tests.clients.client import CHAT
from tests.clients.raw import RawSocket
from tests.e2e.people import JWT_KEY, Person, Room, new_buyer, new_seller

Order = dict[str, Any]
AT_ONCE = 20
"""Handshakes at a time, but in a storm."""


def rooms_of(order: Order) -> list[Room]:
    return [Room(Person(buyer, "BUYER"), Person(seller, "SELLER")) for buyer, seller in order["rooms"]]


async def overload(order: Order) -> Counter[str]:
    """Each room's buyer sends messages, `rate` a second all together, whatever is answered; 0: one after the other."""
    counts: Counter[str] = Counter()
    until = time.monotonic() + order["seconds"]
    rooms = rooms_of(order)
    pause = len(rooms) / order["rate"] if order["rate"] else None
    await asyncio.gather(
        *(
            _send_steadily(url, room, until, pause, counts)
            for url, room in zip(itertools.cycle(order["urls"]), rooms, strict=False)
        )
    )
    return counts


async def _send_steadily(url: str, room: Room, until: float, pause: float | None, counts: Counter[str]) -> None:
    async with RawSocket(url, engine=4, query=room.buyer.identity()) as socket:
        await socket.join()
        answered = asyncio.Event()
        reading = asyncio.create_task(_count_answers(socket, counts, answered))
        began = time.monotonic() + random.random() * (pause or 0)
        for number in itertools.count():
            if pause is not None:
                await asyncio.sleep(max(0.0, began + number * pause - time.monotonic()))
            if not await _send(socket, "new_message", room.message(room.buyer, f"{number} " * 10), number, until):
                break
            counts["sent"] += 1
            if pause is None:
                await answered.wait()
                answered.clear()
        await asyncio.sleep(0.5)
        reading.cancel()


async def _send(socket: RawSocket, event: str, payload: Any, number: int, until: float) -> bool:
    """Send an event; False: the time is over, or the server has closed."""
    if (left := until - time.monotonic()) <= 0:
        return False
    try:  # a server that reads no more from this socket holds it up
        async with asyncio.timeout(left):
            await socket.send(f"42{CHAT},{number}{json.dumps([event, payload])}")
    except (TimeoutError, ConnectionClosed):
        return False
    return True


async def _count_answers(socket: RawSocket, counts: Counter[str], answered: asyncio.Event) -> None:
    while True:
        try:
            frame = await socket.receive(600)
        except ConnectionClosed:
            counts["closed"] += 1
            answered.set()
            return
        if frame == "2":
            await socket.send("3")
        elif frame.startswith("43"):
            code = frame.partition('"code":"')[2].partition('"')[0]
            counts["stored" if '"status":true' in frame else code or "refused"] += 1
            answered.set()


async def abuse(order: Order) -> Counter[str]:
    """One user with three sockets: `rate` events a second of all kinds, large messages, rooms without end."""
    counts: Counter[str] = Counter()
    until = time.monotonic() + order["seconds"]
    (room,) = rooms_of(order)
    await asyncio.gather(*(_abuse(url, room, order["rate"] / 3, until, counts) for url in (order["urls"] * 3)[:3]))
    return counts


async def _abuse(url: str, room: Room, rate: float, until: float, counts: Counter[str]) -> None:
    while time.monotonic() < until:
        try:
            async with RawSocket(url, engine=4, query=room.buyer.identity()) as socket:
                await socket.join()
                reading = asyncio.create_task(_count_answers(socket, counts, asyncio.Event()))
                began = time.monotonic()
                for number in itertools.count():
                    if number % 50 == 0:
                        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                    event, payload = _one_of_all_kinds(room, number)
                    if not await _send(socket, event, payload, number, until):
                        break
                    counts["sent"] += 1
                reading.cancel()
        except (ConnectionClosed, InvalidStatus, OSError, TimeoutError):
            counts["kept out"] += 1
            await asyncio.sleep(0.2)


def _one_of_all_kinds(room: Room, number: int) -> tuple[str, Any]:
    match number % 5:
        case 0:
            return "new_message", room.message(room.buyer, "x" * 10_000)
        case 1:
            return "create_room", Room(room.buyer, new_seller()).creation(room.buyer)
        case 2:
            return "typing", room.sides(room.buyer)
        case 3:
            return "no_such_event", ["x" * 1000]
        case _:
            return "new_message", {"room_id": room.id, "content": number}


async def deaf(order: Order) -> Counter[str]:
    """Each room's seller has `sockets` connections that read nothing, while its buyer sends large messages."""
    counts: Counter[str] = Counter()
    until = time.monotonic() + order["seconds"]
    await asyncio.gather(
        *(
            _talk_to_the_deaf(url, room, order["sockets"], until, counts)
            for url, room in zip(itertools.cycle(order["urls"]), rooms_of(order), strict=False)
        )
    )
    return counts


async def _talk_to_the_deaf(url: str, room: Room, sockets: int, until: float, counts: Counter[str]) -> None:
    peers = []
    for _ in range(sockets):
        # websockets reads 16 frames ahead and then no more: TCP's own buffers fill.
        peer = await RawSocket(url, engine=4, query=room.seller.identity()).__aenter__()
        await peer.join()
        peers.append(peer)
    counts["deaf"] += len(peers)
    async with RawSocket(url, engine=4, query=room.buyer.identity()) as socket:
        await socket.join()
        reading = asyncio.create_task(_count_answers(socket, counts, asyncio.Event()))
        for number in itertools.count():
            if not await _send(socket, "new_message", room.message(room.buyer, "x" * 10_000), number, until):
                break
            counts["sent"] += 1
            await asyncio.sleep(0.1)
        reading.cancel()


async def idle(order: Order) -> Counter[str]:
    """`sockets` connections, each of another user, that answer pings and say nothing."""
    sockets = await _connect_many(order, AT_ONCE)
    await asyncio.sleep(order["seconds"])
    return Counter(connected=len(sockets), still_connected=_still_connected(sockets))


async def storm(order: Order) -> Counter[str]:
    """`sockets` connections break and come back, all in the same moment, again and again."""
    counts: Counter[str] = Counter()
    until = time.monotonic() + order["seconds"]
    while time.monotonic() < until:
        began = time.monotonic()
        sockets = await _connect_many(order, order["sockets"])
        counts["connects"] += len(sockets)
        counts["slowest_ms"] = max(counts["slowest_ms"], int(1000 * (time.monotonic() - began)))
        for socket in sockets:
            socket.transport.abort()
    return counts


async def _connect_many(order: Order, at_once: int) -> list[LoadSocket]:
    gate = asyncio.Semaphore(at_once)

    async def open_one(url: str) -> LoadSocket | None:
        person = new_buyer()
        async with gate:
            try:
                return await connect(int(url.rpartition(":")[2]), person.user_id, person.role, JWT_KEY)
            except (OSError, TimeoutError):
                return None

    found = await asyncio.gather(
        *(open_one(url) for url, _ in zip(itertools.cycle(order["urls"]), range(order["sockets"]), strict=False))
    )
    return [socket for socket in found if socket is not None]


def _still_connected(sockets: list[LoadSocket]) -> int:
    return sum(1 for socket in sockets if not socket.transport.is_closing())


KINDS: dict[str, Callable[[Order], Awaitable[Counter[str]]]] = {
    kind.__name__: kind for kind in (overload, abuse, deaf, idle, storm)
}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(KINDS[sys.argv[1]](json.loads(sys.argv[2])))))  # type: ignore[arg-type]
