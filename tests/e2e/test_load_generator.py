"""The benchmark's load generator still speaks this server's language. Nothing is timed here: benchmarks/README.md."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from benchmarks import load

from .people import JWT_KEY, Person, Room
from .server_process import ServerProcess

QUICK = load.Timing(warm_up=0.1, seconds=0.2)


def _port(server: ServerProcess) -> int:
    return int(server.url.rsplit(":", 1)[1])


@pytest.fixture
def pairs(database: Database[dict[str, Any]]) -> Iterator[list[load.Pair]]:
    """Pairs that have a room, as the benchmark gives them one."""
    pairs = load.pairs(2)
    rooms = [Room(Person(pair.buyer, "BUYER"), Person(pair.seller, "SELLER")) for pair in pairs]
    database["cz_rooms"].insert_many([room.document() for room in rooms])
    yield pairs
    database["cz_rooms"].delete_many({"_id": {"$in": [room.id for room in rooms]}})


async def test_it_relays_typing(server: ServerProcess, pairs: list[load.Pair]) -> None:
    result = await load.measure_relay([_port(server)], pairs, JWT_KEY, in_flight=2, timing=QUICK)
    assert result.events > 0


async def test_it_stores_messages(
    server: ServerProcess, pairs: list[load.Pair], database: Database[dict[str, Any]]
) -> None:
    """Every message that it counted was stored."""
    result = await load.measure_chat([_port(server)], pairs, JWT_KEY, in_flight=2, timing=QUICK)
    assert (
        0 < result.events <= database["cz_messages"].count_documents({"room_id": {"$in": [p.room_id for p in pairs]}})
    )


async def test_it_holds_idle_sockets(server: ServerProcess) -> None:
    sockets = await load.hold_idle(_port(server), 0, 3, JWT_KEY)
    assert not any(socket.transport.is_closing() for socket in sockets)
    for socket in sockets:
        socket.transport.close()
