"""The names under which things leave."""

from __future__ import annotations

import msgspec

from conversations.payloads import MessagePayload, RoomPayload


def test_what_leaves_has_the_contracts_names() -> None:
    message_names = {field.encode_name for field in msgspec.structs.fields(MessagePayload)}
    assert message_names == {
        "_id", "room_id", "from", "to", "type", "content", "client_message_id", "created_at", "is_seen", "updated_at",
        "redacted_at",
    }  # fmt: skip
    room_names = {field.encode_name for field in msgspec.structs.fields(RoomPayload)}
    assert room_names == {"_id", "room_id", "type", "buyer", "seller", "shop_id", "creator", "buyer_info"}
