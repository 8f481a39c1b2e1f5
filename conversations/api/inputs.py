"""What several calls ask for: as whom, and how much."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from chozoi_chat.identity import Role
from conversations import services
from conversations.payloads import OptionalId


class AsMember(Struct, kw_only=True):
    """As whom the caller acts; both may be left out."""

    user_id: OptionalId = None
    role: Role | None = None


Limit = Annotated[int, Meta(ge=1, description=f"Rows of a page, {services.LARGEST_PAGE} at most")]
