"""A buyer and a seller who send each other a hundred messages at once."""

import asyncio

from tests.clients.client import Client

from .people import Room


async def exchange(room: Room, buyer: Client, seller: Client) -> None:
    """Have both send theirs; each receives all messages of both sides once, and each side's in order."""
    contents = [str(number) for number in range(100)]
    for content in contents:
        buyer.emit("new_message", room.message(room.buyer, content, client_message_id=f"b{content}"))
        seller.emit("new_message", room.message(room.seller, content, client_message_id=f"s{content}"))
        await asyncio.sleep(0.002)
    for client in (buyer, seller):
        for person in (room.buyer, room.seller):
            received = [(await client.expect("new_message", **{"from": person.user_id}))["content"] for _ in contents]
            assert received == contents
