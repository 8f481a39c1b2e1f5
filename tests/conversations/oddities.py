"""Documents as another program may have left them: each field of a room and of a message in each odd shape."""

from __future__ import annotations

import datetime
from typing import Any

from bson import Decimal128, Int64, ObjectId

NOON = datetime.datetime(2026, 11, 1, 12)
VALUES: dict[str, Any] = {
    "a text": "Tea",
    "a list": ["An", {"name": "An"}],
    "an ObjectId": ObjectId("5f8248d5e4b0a1a2b3c4d5e6"),
    "an Int64": Int64(3),
    "a Decimal128": Decimal128("1.5"),
    "a Decimal128 that is no number": Decimal128("NaN"),
    "what JavaScript counts from undefined on": float("nan"),
    "infinity": float("-inf"),
    "a negative number": -3,
    "a flag": True,
    "bytes": b"\x00\xff",
    "a date": NOON,
    "an object of objects": {"_id": Int64(1), "name": {"first": "An"}, "created_at": {"$x": 1}, "content": ["x"]},
}
ROOM_FIELDS = (
    "type", "creator", "shop_id", "shop", "buyer_info", "buyer_last_message", "seller_last_message", "pinned_by_buyer",
    "pinned_by_seller", "buyer_unseen_messages", "seller_unseen_messages", "deleted_by_buyer", "deleted_by_seller",
    "buyer_deleted_at", "seller_deleted_at", "blocked_by", "closed_at", "created_at", "updated_at", "__v",
)  # fmt: skip
MESSAGE_FIELDS = (
    "from", "to", "type", "content", "is_seen", "created_at", "updated_at", "client_message_id", "redacted_at", "__v",
)  # fmt: skip


def odd_rooms(buyer: str, seller: str) -> list[dict[str, Any]]:
    """Rooms of these two, one odd field each, and some whose key is no text; keys begin with `odd`."""
    base = {"buyer": buyer, "seller": seller, "updated_at": NOON}
    odd = [
        {"_id": f"odd.{field}.{number}", **base, field: value}
        for number, value in enumerate(VALUES.values())
        for field in ROOM_FIELDS
    ]
    keys = ({"a": 1}, Int64(12), ObjectId("5f8248d5e4b0a1a2b3c4d5e7"), NOON)
    return [*odd, *({"_id": key, **base} for key in keys)]


def odd_messages(room_id: str, sender: str, recipient: str) -> list[dict[str, Any]]:
    """Messages in that room, one odd field each, and some whose key is no text; keys begin with `odd`."""
    base = {"room_id": room_id, "from": sender, "to": recipient, "type": "TEXT", "content": "hi", "created_at": NOON}
    odd = [
        {"_id": f"odd.{field}.{number}", **base, field: value}
        for number, value in enumerate(VALUES.values())
        for field in MESSAGE_FIELDS
    ]
    keys = (Int64(13), ObjectId("5f8248d5e4b0a1a2b3c4d5e6"))
    later = [NOON + datetime.timedelta(minutes=minute) for minute in (1, 2)]
    return [*odd, *({**base, "_id": key, "created_at": at} for key, at in zip(keys, later, strict=True))]
