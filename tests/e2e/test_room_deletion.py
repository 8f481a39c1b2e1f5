"""`room_deletion`, emitted by a process that serves nobody: the way that REST, admin and jobs reach the sockets."""

from datetime import datetime
from typing import Any

import pytest
from pymongo.database import Database

from .cluster import Cluster
from .conftest import Connect
from .people import Person, Room
from .server_process import ServerProcess

# What a management command or an admin action would do.
DELETE = """
import asyncio
from identity import Identity, Role
from conversations import services
from socketio_bridge import flush

async def delete():
    identity = Identity(user_id={user_id!r}, role=Role({role!r}), token="", expires_at=4e9, roles=frozenset(Role))
    await services.delete_room(identity, {room_id!r})
    await flush()

asyncio.run(delete())
"""


@pytest.fixture(params=["BUYER", "SELLER"])
def side(request: pytest.FixtureRequest) -> str:
    role: str = request.param
    return role


async def test_both_sides_learn_that_one_has_deleted_the_room(
    side: str, connect: Connect, room: Room, cluster: Cluster, database: Database[dict[str, Any]],
    second_server: ServerProcess,
) -> None:  # fmt: skip
    """All devices on all processes get it; the room is hidden for that side alone."""
    deleter: Person = room.buyer if side == "BUYER" else room.seller
    devices = [await connect(room.buyer), await connect(room.seller, "2.3.1", to=second_server)]
    await devices[0].ask("new_message", room.message(room.buyer, "the last"))
    cluster.manage("shell", "-c", DELETE.format(user_id=deleter.user_id, role=side, room_id=room.id))
    for device in devices:
        assert await device.expect("room_deletion") == {
            "room_id": room.id,
            "buyer": room.buyer.user_id,
            "seller": room.seller.user_id,
            "deletion_role": side,
        }
    stored = database["cz_rooms"].find_one({"_id": room.id})
    assert stored is not None
    mine, theirs = side.lower(), room.other(deleter).role.lower()
    assert stored[f"deleted_by_{mine}"] is True
    assert isinstance(stored[f"{mine}_deleted_at"], datetime)
    assert not stored.get(f"{mine}_last_message")
    assert stored[f"{mine}_unseen_messages"] == 0
    assert not stored.get(f"deleted_by_{theirs}")
    assert stored[f"{theirs}_last_message"]["content"] == "the last"
