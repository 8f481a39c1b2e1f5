"""What goes on while a part is away: pairs that write to each other, and people who come and go, who are watched."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from pymongo.database import Database

from tests.clients.driver import Driver
from tests.clients.network import Network
from tests.e2e.people import Room, new_buyer, new_seller
from tests.e2e.server_process import ServerProcess

from .device import Device, Sent

VERSIONS = ("2.3.1", "4.8")
PAUSE = 0.2
"""Seconds between two messages of one sender."""
LOOK = 0.25
"""Seconds between two looks at who believes what of whom."""
CONNECTING = 20.0


class Traffic:
    """Pairs of users on two processes, half of them with clients 2.x; and as many rooms whose seller comes and goes.

    The buyer of a room is on one process, the seller on the other. Rooms have each of `transports` in turn, two rooms
    each.
    """

    def __init__(
        self,
        driver: Driver,
        database: Database[dict[str, Any]],
        servers: Sequence[ServerProcess | Network],
        pairs: int,
        transports: Sequence[tuple[str, ...]] = (("websocket",),),
    ) -> None:
        self.rooms = [Room(new_buyer(), new_seller()) for _ in range(pairs)]
        self.watched_rooms = [Room(new_buyer(), new_seller()) for _ in range(4)]
        self.sent: list[Sent] = []
        self.wrong: list[tuple[float, int]] = []
        """At each look: when, and how many statuses were wrong."""
        self._database = database
        self._devices: dict[str, Device] = {}
        self._at: dict[str, ServerProcess | Network] = {}
        for number, room in enumerate((*self.rooms, *self.watched_rooms)):
            for person, place in ((room.buyer, number // 2), (room.seller, number // 2 + 1)):
                server = servers[place % len(servers)]
                self._at[person.user_id] = server
                carried_by = transports[number // 2 % len(transports)]
                self._devices[person.user_id] = Device(driver, person, VERSIONS[number % 2], server.url, carried_by)
        self._leaving = [self._devices[room.seller.user_id] for room in self.watched_rooms[:2]]
        self._coming = [self._devices[room.seller.user_id] for room in self.watched_rooms[2:]]
        self._tokens: dict[str, tuple[float, str]] = {}
        self._writing: list[asyncio.Task[None]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._database["cz_rooms"].insert_many([room.document() for room in (*self.rooms, *self.watched_rooms)])
        present = [device for device in self.devices() if device not in self._coming]
        for device in present:
            device.client.open()
        async with asyncio.timeout(CONNECTING):
            for device in present:
                await device.online()
        for room in self.rooms:
            for person in (room.buyer, room.seller):
                self._writing.append(asyncio.create_task(self._write(room, self._devices[person.user_id])))
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (*self._writing, *self._sending, self._looking):
            task.cancel()
        for device in self.devices():
            device.client.leave()

    def devices(self, server: ServerProcess | None = None) -> list[Device]:
        """All devices, or those on one server."""
        return [device for user_id, device in self._devices.items() if server is None or self._at[user_id] is server]

    def come_and_go(self) -> None:
        """Have some leave and others come: what their watchers believe is to change."""
        for device in self._leaving:
            device.client.disconnect()
        for device in self._coming:
            device.client.open()

    def left(self) -> list[Device]:
        """Those who leave of themselves."""
        return self._leaving

    def of_room(self, room_id: str) -> Iterator[Device]:
        """The devices of both sides."""
        return (self._devices[user_id] for user_id in room_id.split("."))

    async def take_tokens(self) -> None:
        """Have the seller of each pair take a token of `sync`, as a device does that then misses everything."""
        for room in self.rooms:
            token, _ = await self._devices[room.seller.user_id].sync(None)
            if token is not None:
                self._tokens[room.id] = time.monotonic(), token

    async def not_synced(self) -> int | None:
        """How many acknowledged messages a sync since those tokens does not find; None: there is no `sync`."""
        if not self._tokens:
            return None
        count = 0
        for room in self.rooms:
            taken, token = self._tokens[room.id]
            _, found = await self._devices[room.seller.user_id].sync(token)
            since = (sent for sent in self.sent if sent.room_id == room.id and sent.first_sent > taken)
            count += sum(1 for sent in since if sent.message_id is not None and sent.message_id not in found)
        return count

    async def silence(self, within: float) -> int:
        """Write nothing new, and wait for what is not acknowledged yet; how many messages were not in time."""
        for task in self._writing:
            task.cancel()
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=within)
            return len(late)
        return 0

    async def _write(self, room: Room, device: Device) -> None:
        for number in itertools.count():
            content = f"{number} of {device.person.user_id}"
            sent = Sent(room.id, device.person.user_id, f"c{number}", content, time.monotonic())
            self.sent.append(sent)
            task = asyncio.create_task(device.send(room, sent))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            await asyncio.sleep(PAUSE)

    async def _look(self) -> None:
        while True:
            self.wrong.append((time.monotonic(), len(self.wrong_statuses())))
            await asyncio.sleep(LOOK)

    def is_whole(self) -> bool:
        """Whether all who are to be here are connected, and no status is wrong."""
        here = all(device.connected for device in self.devices() if device not in self._leaving)
        return here and not self.wrong_statuses()

    def wrong_statuses(self) -> list[str]:
        """The rooms of which a connected device believes what is not so, once for each such device."""
        return [
            room.id
            for room in (*self.rooms, *self.watched_rooms)
            for person in (room.buyer, room.seller)
            if (device := self._devices[person.user_id]).connected
            and device.statuses.get(room.id) is not self._devices[room.other(person).user_id].connected
        ]
