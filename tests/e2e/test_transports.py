"""Long-polling, and going over to a WebSocket: stock clients with their default transports lose and reorder nothing."""

import pytest

from .conftest import Connect
from .exchange import exchange
from .people import Room

DEFAULT, POLLING, WEBSOCKET = ("polling", "websocket"), ("polling",), ("websocket",)


@pytest.mark.parametrize("transports", [DEFAULT, POLLING, WEBSOCKET], ids="-".join)
async def test_messages_both_ways_arrive_once_and_in_order(
    version: str, transports: tuple[str, ...], connect: Connect, room: Room
) -> None:
    """Sent while the connection goes over to a WebSocket, where it does."""
    buyer = await connect(room.buyer, version, transports=transports)
    seller = await connect(room.seller, version, transports=transports)
    await exchange(room, buyer, seller)


@pytest.mark.parametrize("transports", [DEFAULT, POLLING], ids="-".join)
async def test_refusals_and_acks_come_by_polling_too(
    version: str, transports: tuple[str, ...], connect: Connect, room: Room
) -> None:
    buyer = await connect(room.buyer, version, transports=transports)
    answer = await buyer.ask("new_message", room.message(room.buyer, "x" * 20_000, client_message_id="long"))
    assert answer["error"]["code"] == "validation_failed"
    assert (await buyer.expect("event_error"))["client_message_id"] == "long"
    assert (await buyer.ask("typing", room.sides(room.buyer)))["status"] is True
