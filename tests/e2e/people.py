"""The people of a test: who they are, what they say of themselves when connecting, and the rooms between them."""

import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

JWT_KEY = "the-key-that-the-servers-under-test-verify-tokens-with"
_numbers = itertools.count(int(time.time()) % 100_000 * 1_000)  # nobody meets another test's, or another run's, users


@dataclass(frozen=True, slots=True)
class Person:
    """A buyer or a seller."""

    user_id: str
    role: str

    def token(self, *, seconds: float = 3600, **claims: Any) -> str:
        """A signed token of this person that expires in `seconds`; `claims` replace or add to the usual ones."""
        usual = {"sub": self.user_id, "role": self.role, "exp": time.time() + seconds}
        return jwt.encode({**usual, **claims}, JWT_KEY, "HS256")

    def identity(self, *, seconds: float = 3600, **other: Any) -> dict[str, Any]:
        """What a client says of itself when connecting, or in `verify_user`; `other` replaces parts of it."""
        return {"token": self.token(seconds=seconds), "user_id": self.user_id, "user_role": self.role, **other}


def new_buyer() -> Person:
    return Person(str(next(_numbers)), "BUYER")


def new_seller() -> Person:
    return Person(str(next(_numbers)), "SELLER")


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation of a buyer with a seller."""

    buyer: Person
    seller: Person

    @property
    def id(self) -> str:
        return f"{self.buyer.user_id}.{self.seller.user_id}"

    def other(self, person: Person) -> Person:
        return self.seller if person == self.buyer else self.buyer

    def creation(self, creator: Person, /, **other: Any) -> dict[str, Any]:
        """The payload of `create_room`."""
        sides = {"buyer": self.buyer.user_id, "seller": self.seller.user_id, "creator": creator.user_id}
        return {"type": "BS", "shop_id": self.seller.user_id, **sides, **other}

    def sides(self, sender: Person) -> dict[str, Any]:
        """The payload of `typing` and `stop_typing`, and the beginning of all others."""
        return {"room_id": self.id, "from": sender.user_id, "to": self.other(sender).user_id}

    def message(self, sender: Person, content: str, /, **other: Any) -> dict[str, Any]:
        """The payload of `new_message`."""
        return {**self.sides(sender), "type": "TEXT", "content": content, **other}

    def seen(self, reader: Person, message: dict[str, Any]) -> dict[str, Any]:
        """The payload of `seen_messages`: `reader` has read up to `message`."""
        last = {"last_message_id": message["_id"], "last_message_created_at": message["created_at"]}
        return {**self.sides(reader), **last}

    def document(self, **other: Any) -> dict[str, Any]:
        """The room as the old service stored it in `cz_rooms`."""
        now = datetime.now(UTC)
        return {
            "_id": self.id,
            "type": "BS",
            "creator": self.buyer.user_id,
            "buyer": self.buyer.user_id,
            "seller": self.seller.user_id,
            "shop": {"id": self.seller.user_id, "name": f"Shop {self.seller.user_id}"},
            "buyer_info": {"name": f"Buyer {self.buyer.user_id}"},
            "buyer_unseen_messages": 0,
            "seller_unseen_messages": 0,
            "created_at": now,
            "updated_at": now,
            "__v": 0,
            **other,
        }
