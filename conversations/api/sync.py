"""What has changed since a token: `/sync`."""

from __future__ import annotations

from conversations import services
from conversations.api.authentication import Caller
from conversations.api.operation import Endpoint, operation
from conversations.payloads import ChangePage
from conversations.requests import LARGEST_PAGE, OptionalId, Sync
from identity import Role


class SyncFilter(Sync, kw_only=True):
    """Since when, and on which side."""

    user_id: OptionalId = None
    role: Role | None = None


class Changes(Endpoint):
    """`/sync`"""

    @operation("What has changed in the caller's rooms", errors=(410,))
    async def get(self, caller: Caller, asked: SyncFilter) -> ChangePage:
        """Since a token, in order, as `sync` tells it over the socket. Without `since`: a token for now.

        `limit`: how many messages a page has at most, and how many rooms.
        """
        return await services.list_changes(caller, caller.side(asked.role), asked.since, min(asked.limit, LARGEST_PAGE))
