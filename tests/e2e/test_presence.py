"""Who is online: `active_user_list` at each connect, `user_status_change` with a user's first and last socket."""

import asyncio
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pytest

from tests.clients.client import Client

from .conftest import Connect, NewRoom
from .people import Room
from .server_process import ServerProcess


@pytest.fixture(params=["one process", "two processes"])
def another(request: pytest.FixtureRequest, server: ServerProcess, second_server: ServerProcess) -> ServerProcess:
    """Where a user's second device connects: presence is one for all processes."""
    return server if request.param == "one process" else second_server


def statuses(watcher: Client) -> list[bool]:
    return [change["status"] for change in watcher.received("user_status_change")]


async def test_the_list_names_every_visible_room(version: str, connect: Connect, new_room: NewRoom) -> None:
    """Online or not, on each connect; a room that this side has hidden is left out."""
    online = new_room()
    offline = new_room(seller=online.seller)
    new_room(seller=online.seller, deleted_by_seller=True, seller_deleted_at=datetime.now(UTC))
    await connect(online.buyer)
    for _ in range(2):
        seller = await connect(online.seller, version)
        listed = await seller.expect("active_user_list")
        assert (listed["user_id"], listed["user_role"]) == (online.seller.user_id, "SELLER")
        assert sorted(listed["rooms"], key=lambda entry: str(entry["room_id"])) == sorted(
            [{"room_id": online.id, "status": True}, {"room_id": offline.id, "status": False}],
            key=lambda entry: str(entry["room_id"]),
        )


async def test_every_device_gets_the_list_when_one_connects(connect: Connect, room: Room) -> None:
    phone = await connect(room.seller)
    await phone.expect("active_user_list")
    await connect(room.seller)
    await phone.expect("active_user_list")


async def test_the_first_and_the_last_device_count(
    version: str, connect: Connect, room: Room, another: ServerProcess
) -> None:
    """Online with the first of three devices, offline with the last; nothing in between. On one process or on two.

    Who comes back at the very moment may be told online twice: by who announced the going, and by who saw the coming.
    """
    watcher = await connect(room.buyer, version)
    devices = [await connect(room.seller, version), await connect(room.seller, to=another)]
    devices.append(await connect(room.seller))
    change = await watcher.expect("user_status_change")
    assert change == {"user_id": room.seller.user_id, "user_role": "SELLER", "room_id": room.id, "status": True}
    for device in devices:
        device.disconnect()
    assert (await watcher.expect("user_status_change"))["status"] is False
    back = await connect(room.seller, to=another)
    assert (await watcher.expect("user_status_change"))["status"] is True
    back.emit("typing", room.sides(room.seller))
    await watcher.expect("typing")
    assert [status for status, _ in groupby(statuses(watcher))] == [True, False, True]


async def test_each_other_side_is_told_once_for_its_room(connect: Connect, new_room: NewRoom) -> None:
    """One change a room, to the other side of that room alone, and only if that side sees it."""
    rooms = [new_room()]
    seller = rooms[0].seller
    rooms += [new_room(seller=seller) for _ in range(2)]
    hidden = new_room(seller=seller, deleted_by_buyer=True, buyer_deleted_at=datetime.now(UTC))
    buyers = [await connect(room.buyer) for room in rooms]
    outsider = await connect(hidden.buyer)
    device = await connect(seller)
    for room, buyer in zip(rooms, buyers, strict=True):
        assert (await buyer.expect("user_status_change"))["room_id"] == room.id
        device.emit("typing", room.sides(seller))
        await buyer.expect("typing")
        assert statuses(buyer) == [True]
    device.disconnect()
    for room, buyer in zip(rooms, buyers, strict=True):
        assert (await buyer.expect("user_status_change", room_id=room.id))["status"] is False
    assert not outsider.received("user_status_change")


async def test_one_user_as_buyer_and_as_seller_sees_the_rooms_of_the_role(connect: Connect, new_room: NewRoom) -> None:
    """A person who buys here and sells there: the list is that of the role that connected."""
    selling = new_room()
    person = selling.seller
    buying = new_room(buyer=person)
    for role, room in (("SELLER", selling), ("BUYER", buying)):
        device = await connect(person, identity={"token": person.token(role=None), "user_role": role})
        listed = await device.expect("active_user_list", user_role=role)
        assert [entry["room_id"] for entry in listed["rooms"]] == [room.id]


async def test_a_flapping_user_ends_in_the_right_state(connect: Connect, room: Room, another: ServerProcess) -> None:
    """Twenty quick reconnects: whatever is told meanwhile, the last change tells the truth, and a list agrees."""
    watcher = await connect(room.buyer)
    for round_number in range(20):
        device = await connect(room.seller, to=another)
        if round_number < 19:
            device.disconnect()
    device.emit("typing", room.sides(room.seller))
    await watcher.expect("typing")
    await _until_last(watcher, status=True)
    device.disconnect()
    await _until_last(watcher, status=False)
    again = await connect(room.buyer)
    assert (await again.expect("active_user_list"))["rooms"] == [{"room_id": room.id, "status": False}]


async def _until_last(watcher: Client, *, status: bool) -> None:
    """Return when the newest change says `status`."""
    async with asyncio.timeout(10):
        while statuses(watcher)[-1:] != [status]:
            await watcher.expect("user_status_change")


async def test_a_dead_network_counts_as_leaving(version: str, connect: Connect, room: Room) -> None:
    watcher = await connect(room.buyer)
    device = await connect(room.seller, version)
    assert (await watcher.expect("user_status_change"))["status"] is True
    device.drop()
    assert (await watcher.expect("user_status_change"))["status"] is False


async def test_a_user_with_many_rooms_gets_them_all(connect: Connect, new_room: NewRoom) -> None:
    """A shop with 300 conversations: one list, complete, within the time of a connect."""
    first = new_room()
    rooms: list[Any] = [first, *(new_room(seller=first.seller) for _ in range(299))]
    await connect(rooms[150].buyer)
    seller = await connect(first.seller)
    listed = await seller.expect("active_user_list")
    assert {entry["room_id"] for entry in listed["rooms"]} == {room.id for room in rooms}
    assert [entry["room_id"] for entry in listed["rooms"] if entry["status"]] == [rooms[150].id]
