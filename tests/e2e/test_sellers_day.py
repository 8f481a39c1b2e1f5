"""The seller app's day beside a buyer, with each generation of client: the contract's sections 1 and 2 in one story."""

from typing import Any

from pymongo.database import Database

from .conftest import Connect
from .people import Room, new_buyer, new_seller


async def test_a_day_of_the_seller_app(version: str, connect: Connect, database: Database[dict[str, Any]]) -> None:
    """Connect, receive, type, send, see, disconnect, come back with verify_user: nothing of it surprises an old app."""
    room = Room(new_buyer(), new_seller())
    buyer = await connect(room.buyer, version)
    listed = await buyer.expect("active_user_list")
    assert listed.pop("since")
    assert listed == {"user_id": room.buyer.user_id, "user_role": "BUYER", "rooms": []}

    # A buyer finds a shop and opens a conversation.
    buyer_info = {
        "name": "Lan",
        "avatar": "https://example.com/a.png",
        "phone_number": "09",
        "email": "lan@example.com",
    }
    buyer.emit("create_room", room.creation(room.buyer, buyer_info=buyer_info))
    created = await buyer.expect("create_room", room_id=room.id)
    assert created.items() >= {**room.creation(room.buyer), "_id": room.id, "buyer_info": buyer_info}.items()

    # The seller opens the app: the buyer is there, and learns that the seller is.
    seller = await connect(room.seller, version)
    listed = await seller.expect("active_user_list")
    assert listed.pop("since")
    assert listed == {
        "user_id": room.seller.user_id,
        "user_role": "SELLER",
        "rooms": [{"room_id": room.id, "status": True}],
    }
    assert await buyer.expect("user_status_change") == {
        "user_id": room.seller.user_id,
        "user_role": "SELLER",
        "room_id": room.id,
        "status": True,
    }

    # The buyer types and asks; the seller sees both, and reads.
    buyer.emit("typing", room.sides(room.buyer))
    assert await seller.expect("typing") == room.sides(room.buyer)
    buyer.emit("stop_typing", room.sides(room.buyer))
    assert await seller.expect("stop_typing") == room.sides(room.buyer)
    buyer.emit("new_message", room.message(room.buyer, "Is it still there?", client_message_id="b1"))
    question = await seller.expect("new_message")
    assert question == await buyer.expect("new_message"), "both sides get the same message"
    assert question.items() >= room.message(room.buyer, "Is it still there?", client_message_id="b1").items()
    assert database["cz_rooms"].find_one({"_id": room.id}, {"seller_unseen_messages": 1}) == {
        "_id": room.id,
        "seller_unseen_messages": 1,
    }
    seller.emit("seen_messages", room.seen(room.seller, question))
    assert await buyer.expect("seen_messages") == room.seen(room.seller, question)

    # The seller answers and draws its own message from the event.
    seller.emit("new_message", room.message(room.seller, "Yes", client_message_id="s1"))
    answer = await seller.expect("new_message", client_message_id="s1")
    assert answer == await buyer.expect("new_message", client_message_id="s1")
    assert answer["created_at"] >= question["created_at"]

    # The seller loses the network; the buyer sees it go, and come back.
    seller.disconnect()
    assert (await buyer.expect("user_status_change", room_id=room.id))["status"] is False
    seller.reconnect()
    await seller.connected()
    assert (await buyer.expect("user_status_change", room_id=room.id))["status"] is True
    seller.emit("verify_user", room.seller.identity())
    assert (await seller.expect("verify_user"))["status"] is True
    buyer.emit("new_message", room.message(room.buyer, "Good to have you back", client_message_id="b2"))
    assert (await seller.expect("new_message", client_message_id="b2"))["content"] == "Good to have you back"


async def test_the_client_reconnects_by_itself(version: str, connect: Connect, room: Room) -> None:
    """A lost connection comes back without the app's help, as the client library promises, and events flow again."""
    buyer = await connect(room.buyer)
    seller = await connect(room.seller, version, options={"reconnection": True, "reconnectionDelay": 50})
    seller.drop()
    await seller.disconnected()
    await seller.reconnected()
    seller.emit("verify_user", room.seller.identity())
    assert (await seller.expect("verify_user"))["status"] is True
    buyer.emit("typing", room.sides(room.buyer))
    await seller.expect("typing")
