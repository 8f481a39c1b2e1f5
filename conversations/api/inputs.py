"""What several calls ask for: as whom, and how much."""

from __future__ import annotations

from typing import overload

from msgspec import Struct

from chozoi_chat.identity import Role
from conversations import services
from conversations.errors import Code, RuleViolation
from conversations.payloads import OptionalId


class AsMember(Struct, kw_only=True):
    """As whom the caller acts; both may be left out."""

    user_id: OptionalId = None
    role: Role | None = None


@overload
def limited(limit: int | None, *, default: int) -> int: ...
@overload
def limited(limit: int | None, *, default: int | None) -> int | None: ...
def limited(limit: int | None, *, default: int | None) -> int | None:
    """How many rows to answer with: as asked, but no more than a page may have.

    RuleViolation `validation_failed`: it is not positive.
    """
    if limit is None:
        return default
    if limit < 1:
        raise RuleViolation(
            Code.VALIDATION_FAILED, f"`limit` is {limit}: it must be a number from 1 to {services.LARGEST_PAGE}"
        )
    return min(limit, services.LARGEST_PAGE)
