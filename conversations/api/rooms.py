"""Calls about rooms: the contract's section 4, `/rooms…`."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from conversations import services
from conversations.api.authentication import Caller
from conversations.api.operation import AsMember, Endpoint, Limit, operation
from conversations.api.throttling import NewRoomThrottle, UserThrottle
from conversations.errors import Code, RuleViolation
from conversations.payloads import RoomView
from conversations.requests import LARGEST_PAGE, CreateRoom, OptionalId
from conversations.services import Outcome, RoomQuery
from identity import Role


class RoomFilter(Struct, kw_only=True):
    """Which rooms of the caller."""

    user_id: OptionalId = None
    role: Role | None = None
    name: str = ""
    pinned: str = ""
    limit: Limit | None = None
    cursor: str | None = None


class RoomListAnswer(Struct, kw_only=True):
    """The caller's rooms on one side."""

    user_id: str
    role: Role
    rooms: list[RoomView]
    next_cursor: str | None


class RoomAnswer(Struct, kw_only=True):
    """One room."""

    room: RoomView


class RoomCreated(Struct, kw_only=True):
    """What became of a wish for a room. `status` is false, and there is a `room`, where the caller had it already."""

    status: bool
    message: str
    code: str | UnsetType = UNSET
    room: RoomView | UnsetType = UNSET


class UnseenFilter(Struct, kw_only=True):
    """Whose rooms."""

    user_id: str
    role: Role


class UnseenRooms(Struct, kw_only=True):
    """How many of the caller's rooms hold a message that they have not seen."""

    unseen_rooms: int
    filters: UnseenFilter


class RoomChanged(Struct, kw_only=True):
    """A room after a change. `message` says what happened where that needs saying."""

    status: Literal[True] = True
    message: str | UnsetType = UNSET
    room: RoomView


class RoomPinned(Struct, kw_only=True):
    """The room is pinned."""

    status: Literal[True] = True


class RoomDeleted(Struct, kw_only=True):
    """The room, and its history up to `deleted_at`, is hidden from the caller's side."""

    status: Literal[True] = True
    role: Role
    deleted_at: str


class Block(AsMember, kw_only=True):
    """Whether the room is to be blocked."""

    block: bool


class Rooms(Endpoint):
    """`/rooms`"""

    throttle_classes = (UserThrottle, NewRoomThrottle)

    @operation("The caller's rooms")
    async def get(self, caller: Caller, asked: RoomFilter) -> RoomListAnswer:
        """Visible rooms, pinned ones first, then by their last message, latest first; all, unless `limit` is given.

        `name`: a part of the other side's name. `pinned`: `1` for pinned ones alone.
        """
        side = caller.side(asked.role)
        limit = LARGEST_PAGE if asked.limit is None and asked.cursor is not None else asked.limit
        query = RoomQuery(
            name=asked.name,
            pinned_only=asked.pinned == "1",
            limit=None if limit is None else min(limit, LARGEST_PAGE),
            cursor=asked.cursor,
        )
        page = await services.list_rooms(caller, side, query)
        return RoomListAnswer(user_id=caller.user_id, role=side, rooms=page.rooms, next_cursor=page.next_cursor)

    @operation("Make a room, or bring back a deleted one", filled_in=("creator",))
    async def post(self, caller: Caller, asked: CreateRoom) -> RoomCreated:
        """One room of each buyer and seller. A room of one with themselves is none: `status` is false."""
        try:
            answer = await services.create_room(caller, asked)
        except RuleViolation as violation:
            if violation.code != Code.BUYER_IS_SELLER:
                raise
            return RoomCreated(status=False, message=violation.message, code=violation.code)
        room = answer.room
        if answer.outcome is Outcome.EXISTED:
            return RoomCreated(status=False, message="this room exists already", code="room_exists", room=room)
        happened = "the room was created" if answer.outcome is Outcome.CREATED else "the room was brought back"
        return RoomCreated(status=True, message=happened, room=room)


class RoomsUnseen(Endpoint):
    """`/rooms/unseen`"""

    @operation("How many rooms hold something unseen")
    async def get(self, caller: Caller, asked: AsMember) -> UnseenRooms:
        """Counts visible rooms."""
        side = caller.side(asked.role)
        count = await services.count_unseen_rooms(caller, side)
        return UnseenRooms(unseen_rooms=count, filters=UnseenFilter(user_id=caller.user_id, role=side))


class OneRoom(Endpoint):
    """`/rooms/{room_id}`"""

    @operation("One room")
    async def get(self, caller: Caller, asked: AsMember, room_id: str) -> RoomAnswer:
        """As the caller's side sees it."""
        return RoomAnswer(room=await services.view_room(caller, room_id, asked.role))

    @operation("Delete a room for the caller's side")
    async def delete(self, caller: Caller, asked: AsMember, room_id: str) -> RoomDeleted:
        """The other side keeps it. Both sides' devices get `room_deletion`."""
        deleted = await services.delete_room(caller, room_id, asked.role)
        return RoomDeleted(role=deleted.role, deleted_at=deleted.deleted_at)


class RoomEnable(Endpoint):
    """`/rooms/{room_id}/enable`"""

    @operation("Show a deleted room again")
    async def put(self, caller: Caller, asked: AsMember, room_id: str) -> RoomChanged:
        """The history before the deletion stays hidden. If both sides are online, each gets `user_status_change`."""
        room = await services.enable_room(caller, room_id, asked.role)
        return RoomChanged(message="the room is shown again", room=room)


class RoomPin(Endpoint):
    """`/rooms/{room_id}/pin`"""

    @operation("Pin a room")
    async def post(self, caller: Caller, asked: AsMember, room_id: str) -> RoomPinned:
        """It comes first in the caller's list, before rooms pinned earlier."""
        await services.pin_room(caller, room_id, asked.role)
        return RoomPinned()

    @operation("Unpin a room")
    async def delete(self, caller: Caller, asked: AsMember, room_id: str) -> RoomChanged:
        """It takes its place by its last message again."""
        return RoomChanged(room=await services.unpin_room(caller, room_id, asked.role))


class RoomSeen(Endpoint):
    """`/rooms/{room_id}/seen`"""

    @operation("Mark a whole room as seen")
    async def put(self, caller: Caller, asked: AsMember, room_id: str) -> RoomChanged:
        """All messages to the caller; the other side gets `seen_messages`."""
        return RoomChanged(room=await services.mark_room_seen(caller, room_id, asked.role))


class RoomBlock(Endpoint):
    """`/rooms/{room_id}/block`"""

    @operation("Block a room, or lift the block")
    async def post(self, caller: Caller, asked: Block, room_id: str) -> RoomChanged:
        """A blocked room takes no messages. Only the side that set a block can lift it."""
        if asked.block:
            change = await services.block_room(caller, room_id, asked.role)
            return RoomChanged(message=UNSET if change.changed else "the room is blocked already", room=change.room)
        change = await services.unblock_room(caller, room_id, asked.role)
        return RoomChanged(message=UNSET if change.changed else "the room is not blocked", room=change.room)
