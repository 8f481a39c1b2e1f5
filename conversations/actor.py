"""Who asks for something: what services need to know of a caller, whichever door they came through."""

from __future__ import annotations

from typing import Protocol


class Actor(Protocol):
    """An authenticated user. On which side of a room they are follows from the room."""

    @property
    def user_id(self) -> str:
        """The user's id."""
