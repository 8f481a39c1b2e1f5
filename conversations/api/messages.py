"""Calls about messages: the contract's section 4, `/messages…`."""

from __future__ import annotations

from msgspec import Struct

from conversations import services
from conversations.api.authentication import Caller
from conversations.api.operation import Endpoint, Limit, operation
from conversations.errors import Code, RuleViolation
from conversations.payloads import MessagePayload
from conversations.requests import LARGEST_PAGE, EditMessage, Id, NewMessage, OptionalId, to_instant, to_room_id
from conversations.services import Excerpt, MessagePage
from identity import Role
from persistence.timestamps import to_wire

PAGE = 15
"""Messages of a page where the client does not say how many."""


class MessageFilter(Struct, kw_only=True, rename={"before": "from", "after": "to"}):
    """Which messages of a room. `from`, `to`: created before, and after, these times; `created_at`: 1, oldest first."""

    room_id: Id
    user_id: OptionalId = None
    role: Role | None = None
    limit: Limit = PAGE
    created_at: str = ""
    before: str | None = None
    after: str | None = None
    cursor: str | None = None

    def __post_init__(self) -> None:
        self.room_id = to_room_id(self.room_id)

    def excerpt(self) -> Excerpt:
        """The same in the services' terms. RuleViolation `validation_failed`: a time is none."""
        try:
            before = None if self.before is None else to_instant("from", self.before)
            after = None if self.after is None else to_instant("to", self.after)
        except ValueError as error:
            raise RuleViolation(Code.VALIDATION_FAILED, str(error)) from None
        return Excerpt(
            limit=min(self.limit, LARGEST_PAGE),
            oldest_first=self.created_at == "1",
            before=before,
            after=after,
            cursor=self.cursor,
        )


class PageFilters(Struct, kw_only=True, rename={"before": "from"}):
    """How many messages there are on this page, and the time that they lie before, where one was given."""

    message_count: int
    before: str | None


class MessagesAnswer(Struct, kw_only=True):
    """A page of a room's messages."""

    room_id: str
    filters: PageFilters
    data: list[MessagePayload]
    next_cursor: str | None

    @classmethod
    def of(cls, room_id: str, excerpt: Excerpt, page: MessagePage) -> MessagesAnswer:
        """The answer that carries a page."""
        before = None if excerpt.before is None else to_wire(excerpt.before)
        return cls(
            room_id=room_id,
            filters=PageFilters(message_count=len(page.messages), before=before),
            data=page.messages,
            next_cursor=page.next_cursor,
        )


class Messages(Endpoint):
    """`/messages`"""

    @operation("Messages of a room")
    async def get(self, caller: Caller, asked: MessageFilter) -> MessagesAnswer:
        """Newest first, or oldest first with `created_at=1`. What the caller deleted with the room stays hidden."""
        excerpt = asked.excerpt()
        page = await services.list_messages(caller, asked.room_id, excerpt, asked.role)
        return MessagesAnswer.of(asked.room_id, excerpt, page)

    @operation("Send a message", filled_in=("from",))
    async def post(self, caller: Caller, asked: NewMessage) -> MessagePayload:
        """Both sides' devices get `new_message`. Sent twice with the same `client_message_id`, it is stored once."""
        return await services.send_message(caller, asked)


class MessagesUnseen(Endpoint):
    """`/messages/unseen`"""

    @operation("Messages of a room that the caller has not seen")
    async def get(self, caller: Caller, asked: MessageFilter) -> MessagesAnswer:
        """As `GET /messages`; `from` may also be the id of a side of the room, and says nothing then."""
        if asked.before is not None and asked.before in asked.room_id.split("."):
            asked.before = None
        excerpt = asked.excerpt()
        page = await services.list_unseen_messages(caller, asked.room_id, excerpt, asked.role)
        return MessagesAnswer.of(asked.room_id, excerpt, page)


class OneMessage(Endpoint):
    """`/messages/{message_id}`"""

    @operation("Edit a message", errors=(404,))
    async def put(self, caller: Caller, asked: EditMessage, message_id: str) -> MessagePayload:
        """Its sender alone can. Both sides' devices get `message_updated`."""
        return await services.edit_message(caller, message_id, asked.content)
