"""The benchmark's load generator still speaks this server's language. Nothing is timed here: benchmarks/README.md."""

from typing import Any

from pymongo.database import Database

from benchmarks import load

from .people import JWT_KEY, Person, Room
from .server_process import ServerProcess


def _port(server: ServerProcess) -> int:
    return int(server.url.rsplit(":", 1)[1])


async def test_it_relays_typing(server: ServerProcess) -> None:
    result = await load.measure_relay(_port(server), load.pairs(2), JWT_KEY, in_flight=2, warm_up=0.1, seconds=0.2)
    assert result.events > 0


async def test_it_stores_messages(server: ServerProcess, database: Database[dict[str, Any]]) -> None:
    """Every message that it counted was stored."""
    pairs = load.pairs(2)
    for pair in pairs:
        room = Room(Person(pair.buyer, "BUYER"), Person(pair.seller, "SELLER"))
        database["cz_rooms"].insert_one(room.document())
    result = await load.measure_chat(_port(server), pairs, JWT_KEY, in_flight=2, warm_up=0.1, seconds=0.2)
    assert (
        0 < result.events <= database["cz_messages"].count_documents({"room_id": {"$in": [p.room_id for p in pairs]}})
    )


async def test_it_holds_idle_sockets(server: ServerProcess) -> None:
    sockets = await load.hold_idle(_port(server), 0, 3, JWT_KEY)
    assert not any(socket.transport.is_closing() for socket in sockets)
    for socket in sockets:
        socket.transport.close()
