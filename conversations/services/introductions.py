"""Taking back what a room shows of its buyer, and putting it back. Who may, and where it is kept, others decide.

For the store's threads. What was taken back is marked as a redacted message is, and taken from the buyer no more.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from conversations.models import Room
from conversations.services.redaction import REDACTED
from persistence.fields import object_in
from persistence.mongodb import durable
from persistence.timestamps import to_wire


def buyer_info_of(room_id: str) -> dict[str, Any]:
    """What a room shows of its buyer, as it is stored; empty: nothing."""
    return object_in(durable(Room).find_one({"_id": room_id}, ["buyer_info"]) or {}, "buyer_info")


def redact_buyer_info(room_id: str, info: Mapping[str, Any], at: datetime.datetime) -> bool:
    """Take it back; False: the room shows something else by now."""
    redacted = {"name": REDACTED, "redacted_at": to_wire(at)}
    changed = durable(Room).update_one({"_id": room_id, "buyer_info": info}, {"$set": {"buyer_info": redacted}})
    return changed.modified_count == 1


def restore_buyer_info(room_id: str, info: Mapping[str, Any]) -> bool:
    """Show it again; False: it is not redacted."""
    redacted = {"_id": room_id, "buyer_info.redacted_at": {"$ne": None}}
    return durable(Room).update_one(redacted, {"$set": {"buyer_info": info}}).modified_count == 1
