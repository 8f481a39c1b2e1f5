"""Who asks for something: what services need to know of a caller, whichever door they came through."""

from __future__ import annotations

from typing import Protocol

from conversations.errors import Code, RuleViolation
from identity import IdentityRefused, Role, let_pass


class Actor(Protocol):
    """An authenticated user. On which side of a room they are follows from the room; `roles` says whether they may."""

    @property
    def user_id(self) -> str:
        """The user's id."""

    @property
    def roles(self) -> frozenset[Role]:
        """The sides that the user's token may speak for."""


def require_role(actor: Actor, side: Role) -> None:
    """RuleViolation `role_not_allowed`: the actor's token may not speak for this side of a room."""
    if side in actor.roles:
        return
    allowed = " or ".join(sorted(actor.roles)) or "neither side"
    message = f"user {actor.user_id!r} is the {side.lower()} here: the token may speak for {allowed} alone"
    if not let_pass(IdentityRefused("role_not_allowed", message), actor.user_id, side):
        raise RuleViolation(Code.ROLE_NOT_ALLOWED, message)
