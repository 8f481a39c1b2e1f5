"""Both sides of a room writing at once, as fast as apps do in a burst."""

import asyncio
from typing import Any

from tests.clients.client import Client

from .people import Room


async def exchange(room: Room, buyer: Client, seller: Client, *, each: int = 100) -> None:
    """Have each side write so many messages: both devices get every one once, in the order of its writer."""
    contents = [str(number) for number in range(each)]
    for content in contents:
        buyer.emit("new_message", room.message(room.buyer, content, client_message_id=f"b{content}"))
        seller.emit("new_message", room.message(room.seller, content, client_message_id=f"s{content}"))
        await asyncio.sleep(0.002)
    for client in (buyer, seller):
        for person in (room.buyer, room.seller):
            written: dict[str, Any] = {"from": person.user_id}
            received = [(await client.expect("new_message", **written))["content"] for _ in contents]
            assert received == contents, f"from {person.user_id}: {received}"
