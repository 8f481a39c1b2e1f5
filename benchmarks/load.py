"""The load: what the clients of each scenario do, and what is counted. Knows the wire, not which server answers."""

import asyncio
import gc
import itertools
import secrets
import time
import urllib.parse
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import jwt

from .websocket_client import LoadSocket, ServerClosed, open_socket, text_frame

SOCKET_PATH = "/v1/conversations/sockets"
NAMESPACE = "/v1/conversations/events"
CONNECTING_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """A buyer and a seller with a room of their own."""

    buyer: str
    seller: str

    @property
    def room_id(self) -> str:
        return f"{self.buyer}.{self.seller}"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds for which a load runs before it is measured, and then; `work` reads the server's processor time."""

    warm_up: float
    seconds: float
    work: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one closed-loop measurement saw: events that arrived in `seconds`, and how long each took (seconds)."""

    events: int
    seconds: float
    stray_events: int
    waits: Sequence[float]
    work: float  # seconds of processor time of the server

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def percentile(waits: Sequence[float], share: float) -> float:
    """The wait, in milliseconds, that a share of them does not exceed; 0 of none."""
    return sorted(waits)[min(len(waits) - 1, int(len(waits) * share))] * 1000 if waits else 0.0


def pairs(count: int) -> list[Pair]:
    return [Pair(buyer=str(100_000 + number), seller=str(500_000 + number)) for number in range(count)]


def token(user_id: str, role: str, jwt_key: str) -> str:
    """What proves who a client is; only ours asks for it."""
    return jwt.encode({"sub": user_id, "role": role, "exp": int(time.time()) + 3600}, jwt_key, "HS256")


async def connect(port: int, user_id: str, role: str, jwt_key: str) -> LoadSocket:
    """One Socket.IO 5 client (EIO=4) of the contract, its identity in the query."""
    query = urllib.parse.urlencode(
        {
            "EIO": "4",
            "transport": "websocket",
            "user_id": user_id,
            "user_role": role,
            "token": token(user_id, role, jwt_key),
        }
    )
    return await open_socket(port, f"{SOCKET_PATH}/?{query}", f"40{NAMESPACE},".encode())


async def connect_all(port: int, users: list[tuple[str, str]], jwt_key: str) -> list[LoadSocket]:
    """Sockets for `users` (id, role), in that order, a few handshakes at a time."""
    gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

    async def one(user_id: str, role: str) -> LoadSocket:
        async with gate:
            return await connect(port, user_id, role, jwt_key)

    return await asyncio.gather(*(one(user_id, role) for user_id, role in users))


async def both_sides(ports: Sequence[int], people: list[Pair], jwt_key: str) -> list[list[LoadSocket]]:
    """Buyers at the first process, sellers at the last."""
    buyers = await connect_all(ports[0], [(pair.buyer, "BUYER") for pair in people], jwt_key)
    sellers = await connect_all(ports[-1], [(pair.seller, "SELLER") for pair in people], jwt_key)
    return [buyers, sellers]


async def measure_relay(
    ports: Sequence[int], people: list[Pair], jwt_key: str, *, in_flight: int, timing: Timing
) -> Throughput:
    """`typing` from buyer to seller; each one that the seller gets lets the buyer send the next."""
    buyers, sellers = await both_sides(ports, people, jwt_key)
    meter = Meter()
    for pair, buyer, seller in zip(people, buyers, sellers, strict=True):
        frame = text_frame(
            f'42{NAMESPACE},["typing",{{"room_id":"{pair.room_id}","from":"{pair.buyer}","to":"{pair.seller}"}}]'.encode()
        )
        seller.counted = f'42{NAMESPACE},["typing"'.encode()
        seller.on_counted = meter.answering(buyer.transport.write, lambda count, frame=frame: frame * count)  # type: ignore[misc]
    return await meter.run(buyers + sellers, in_flight, timing)


async def measure_chat(
    ports: Sequence[int], people: list[Pair], jwt_key: str, *, in_flight: int, timing: Timing
) -> Throughput:
    """`new_message` from buyer to seller; each one that comes back to its sender, stored, lets it send the next.

    Counted at the sender. After the measurement every receiver must have got as many: a server that delivers to one
    side alone is not measured but reported.
    """
    buyers, sellers = await both_sides(ports, people, jwt_key)
    meter = Meter()
    numbers, measurement = itertools.count(), secrets.token_hex(4)
    expected = f'42{NAMESPACE},["new_message"'.encode()
    arrivals = [0]

    def arrived(count: int) -> None:
        arrivals[0] += count

    for pair, buyer, seller in zip(people, buyers, sellers, strict=True):
        # Every message has an id of its own, in all measurements, as a client's would: an equal one would be a repeat.
        head = f'42{NAMESPACE},["new_message",{{"room_id":"{pair.room_id}","from":"{pair.buyer}","to":"{pair.seller}"'
        tail = ',"type":"TEXT","content":"Is the blue one still there, and can you send it today?"}]'

        def frames(count: int, head: str = head, tail: str = tail) -> bytes:
            return b"".join(
                text_frame(f'{head},"client_message_id":"{measurement}-{next(numbers):010d}"{tail}'.encode())
                for _ in range(count)
            )

        buyer.counted = seller.counted = expected
        buyer.on_counted = meter.answering(buyer.transport.write, frames)
        seller.on_counted = arrived
    result = await meter.run(buyers + sellers, in_flight, timing)
    if arrivals[0] != meter.total:
        raise ServerClosed(f"senders got {meter.total} of their messages back, receivers got {arrivals[0]}")
    return result


async def measure_broadcast(
    ports: Sequence[int], pair: Pair, jwt_key: str, *, sockets: int, timing: Timing
) -> Throughput:
    """`typing` to a user with so many sockets, the next when all have it. Counted: arrivals; timed: until the last."""
    [buyer] = await connect_all(ports[0], [(pair.buyer, "BUYER")], jwt_key)
    sellers = await connect_all(ports[-1], [(pair.seller, "SELLER")] * sockets, jwt_key)
    meter = Meter()
    frame = text_frame(
        f'42{NAMESPACE},["typing",{{"room_id":"{pair.room_id}","from":"{pair.buyer}","to":"{pair.seller}"}}]'.encode()
    )
    all_have_it = meter.answering(buyer.transport.write, lambda count: frame * count)
    arrivals = itertools.count(1)

    def arrived(count: int) -> None:
        for _ in range(count):
            if next(arrivals) % sockets == 0:
                all_have_it(1)

    for seller in sellers:
        seller.counted = f'42{NAMESPACE},["typing"'.encode()
        seller.on_counted = arrived
    result = await meter.run([buyer, *sellers], 1, timing)
    return replace(result, events=result.events * sockets)


class Meter:
    """Counts answered events, keeps the closed loop going while `running`, and times it."""

    def __init__(self) -> None:
        self.total = 0
        self.sent = 0
        self.running = True
        self.measuring = False
        self.waits = array("d")  # of what arrived while `measuring`
        self._starts: list[Callable[[int], None]] = []

    def answering(self, write: Callable[[bytes], None], frames: Callable[[int], bytes]) -> Callable[[int], None]:
        """A callback that counts `count` arrivals, which come in the order of sending, and sends as many new events."""
        began: deque[float] = deque()

        def send(count: int) -> None:
            self.sent += count
            began.extend([time.perf_counter()] * count)
            write(frames(count))

        def arrived(count: int) -> None:
            self.total += count
            now = time.perf_counter()
            for _ in range(count):
                wait = now - began.popleft()
                if self.measuring:
                    self.waits.append(wait)
            if self.running:
                send(count)

        self._starts.append(send)
        return arrived

    async def run(self, sockets: list[LoadSocket], in_flight: int, timing: Timing) -> Throughput:
        """Fill the loop, warm up, measure, let what is in flight arrive, close. Raises ServerClosed when it stalls."""
        try:
            for start in self._starts:
                start(in_flight)
            await asyncio.sleep(timing.warm_up)
            gc.collect()
            gc.disable()
            begin, before, worked, self.measuring = time.perf_counter(), self.total, timing.work(), True
            await asyncio.sleep(timing.seconds)
            events, elapsed, self.measuring = self.total - before, time.perf_counter() - begin, False
            worked = timing.work() - worked
            gc.enable()
            await self._drain(sockets)
            strays = sum(socket.other_events for socket in sockets)
            return Throughput(events, elapsed, strays, self.waits, worked)
        finally:
            gc.enable()
            for socket in sockets:
                socket.transport.close()

    async def _drain(self, sockets: list[LoadSocket]) -> None:
        self.running = False
        for _ in range(200):
            if self.total == self.sent:
                await asyncio.sleep(0.3)  # the other side's copies
                return
            await asyncio.sleep(0.1)
        strays = [socket.first_other_event for socket in sockets if socket.first_other_event]
        raise ServerClosed(f"{self.sent - self.total} of {self.sent} events never arrived; others seen: {strays[:3]}")


async def hold_idle(port: int, first: int, count: int, jwt_key: str) -> list[LoadSocket]:
    """`count` connected sockets of users who have no rooms and say nothing (they answer pings)."""
    return await connect_all(port, [(str(900_000 + first + number), "BUYER") for number in range(count)], jwt_key)
