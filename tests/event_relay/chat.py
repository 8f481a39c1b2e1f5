"""What the server writes, written as the server writes it, so that a test has changes to relay."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

_numbers = itertools.count(1)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(milliseconds=next(_numbers) % 1000)


class Chat:
    """A room of a buyer and a seller, and what happens in it."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        number = next(_numbers)
        self.database = database
        self.buyer, self.seller = f"b{number}", f"s{number}"
        self.id = f"{self.buyer}.{self.seller}"

    def create(self) -> str:
        at = now()
        self.database.cz_rooms.insert_one(
            {
                "_id": self.id, "type": "BS", "buyer": self.buyer, "seller": self.seller, "creator": self.buyer,
                "shop_id": "5", "created_at": at, "updated_at": at, "deleted_by_buyer": False,
                "deleted_by_seller": False, "buyer_unseen_messages": 0,
            }
        )  # fmt: skip
        return self.id

    def say(self, *contents: str) -> list[str]:
        """Messages of the buyer, stored together; their ids."""
        at = now()
        documents = [
            {
                "_id": f"m{next(_numbers):09}", "room_id": self.id, "from": self.buyer, "to": self.seller,
                "type": "TEXT", "content": content, "is_seen": False, "created_at": at + timedelta(milliseconds=place),
                "updated_at": at + timedelta(milliseconds=place), "dedup_key": f"{self.id} {next(_numbers)}",
            }
            for place, content in enumerate(contents)
        ]  # fmt: skip
        self.database.cz_messages.insert_many(documents, ordered=False)
        return [str(document["_id"]) for document in documents]

    def see(self) -> None:
        self.database.cz_messages.update_many(
            {"room_id": self.id, "is_seen": {"$in": [False, None]}}, {"$set": {"is_seen": True, "updated_at": now()}}
        )

    def change_message(self, message: str, **values: Any) -> None:
        self.database.cz_messages.update_one({"_id": message}, {"$set": values})

    def change(self, **values: Any) -> None:
        self.database.cz_rooms.update_one({"_id": self.id}, {"$set": values})

    def delete(self, side: str) -> datetime:
        at = now()
        self.database.cz_rooms.update_one(
            {"_id": self.id},
            {
                "$set": {f"deleted_by_{side}": True, f"{side}_deleted_at": at, "updated_at": at},
                "$unset": {f"{side}_last_message": "", f"pinned_by_{side}": ""},
            },
        )
        return at

    def unblock(self) -> None:
        self.database.cz_rooms.update_one({"_id": self.id}, {"$unset": {"blocked_by": ""}})
