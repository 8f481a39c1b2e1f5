"""The two sides of a room: every user speaks as one of them."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A side, spelled as on the wire and in the database."""

    BUYER = "BUYER"
    SELLER = "SELLER"

    @property
    def other(self) -> Role:
        """The opposite side."""
        return Role.SELLER if self is Role.BUYER else Role.BUYER
