"""Whom a visitor of the demo can be: the buyers and shops that `seed_demo` makes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from conversations.management.commands.seed_demo import BUYERS, SHOPS
from identity import Role


@dataclass(frozen=True, slots=True)
class Person:
    """A buyer or a shop of the demo.

    Attributes:
        user_id: The user's id, as tokens and rooms have it.
        role: The side that the person is on, in every room.
        name: What the page calls the person.
    """

    user_id: str
    role: Role
    name: str

    def described(self) -> dict[str, Any]:
        """Return the same for the page's script."""
        return asdict(self)


PEOPLE = {
    user_id: Person(user_id, role, name)
    for role, named in ((Role.BUYER, BUYERS), (Role.SELLER, SHOPS))
    for user_id, name in named.items()
}
"""By their ids, which no two of them share."""
