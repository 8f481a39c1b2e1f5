"""Search in messages: `/search`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from conversations import services
from conversations.api.authentication import Caller
from conversations.api.operation import Endpoint, Limit, operation
from conversations.api.throttling import SearchThrottle, UserThrottle
from conversations.payloads import MessagePayload
from conversations.requests import LARGEST_PAGE, OptionalId, to_room_id
from conversations.services.search_pattern import pattern_of
from identity import Role

PAGE = 20
"""Messages of a page where the client does not say how many."""

LONGEST_TEXT = 100
"""Characters that can be looked for."""


class SearchFilter(Struct, kw_only=True):
    """What to look for. `role`: in the rooms where the caller is this side; `room_id`: in this room alone."""

    q: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
    user_id: OptionalId = None
    role: Role | None = None
    room_id: OptionalId = None
    limit: Limit = PAGE
    cursor: str | None = None

    def __post_init__(self) -> None:
        if self.q.isspace() or "\0" in self.q:
            raise ValueError("`q` must have something to look for in it, and no NUL character")
        pattern_of(self.q)
        if self.room_id is not None:
            self.room_id = to_room_id(self.room_id)


class SearchAnswer(Struct, kw_only=True):
    """What was found. `complete` is false where time ran out: rooms that were last active long ago are not in it."""

    q: str
    data: list[MessagePayload]
    next_cursor: str | None
    complete: bool


class Search(Endpoint):
    """`/search`"""

    throttle_classes = (UserThrottle, SearchThrottle)

    @operation("Search in the caller's messages")
    async def get(self, caller: Caller, asked: SearchFilter) -> SearchAnswer:
        """Texts with `q` in them, newest first, in visible rooms; capitals or small make no difference.

        A letter without marks finds those with any: `chao` finds `chào`, but `chào` does not find `chao`.
        """
        found = await services.search_messages(
            caller,
            caller.roles if asked.role is None else (asked.role,),
            asked.q,
            room_id=asked.room_id,
            limit=min(asked.limit, LARGEST_PAGE),
            cursor=asked.cursor,
        )
        return SearchAnswer(q=asked.q, data=found.messages, next_cursor=found.next_cursor, complete=found.complete)
