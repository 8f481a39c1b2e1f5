"""Rooms as the rules need them, loaded for many callers at once.

Every message loads its room, since a block must hold from the moment that it is acknowledged: only typing, which is
frequent and harmless, gets a room from a cache.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

from conversations.errors import Code, RuleViolation, overloaded
from conversations.models import SIDES, Room
from identity import IdentityRefused, Role, let_pass
from persistence.batching import GroupCommit, NotTaken
from persistence.fields import text_in
from persistence.mongodb import Document, durable, in_parts, in_store_thread
from persistence.per_event_loop import PerLoop
from persistence.timestamps import stored_time

FRESH = 0.5
"""Seconds for which `RoomLoader.load_recent` returns a room as last read."""
SOON = 0.25
"""Seconds that `RoomLoader.load_recent` waits for the store, where it knows the room of before."""
KNOWN = 60.0
"""Seconds for which a room of before is good enough while the store does not answer."""
MOST_RECENT = 100_000
"""Rooms that a RoomLoader keeps for `load_recent`; of more, those read first are forgotten."""

_NOT_READ = (0.0, None)

ROOM_FIELDS = [
    "blocked_by",
    "closed_at",
    *(name for fields in SIDES.values() for name in (fields.user, fields.deleted_at)),
]
"""The fields that a RoomRecord is made of."""


class Actor(Protocol):
    """An authenticated user. The room decides which side they are on; `roles` decides whether they may be."""

    @property
    def user_id(self) -> str:
        """The user's id."""

    @property
    def roles(self) -> frozenset[Role]:
        """The sides that the user's token may speak for."""


def require_role(actor: Actor, side: Role) -> None:
    """Refuse an actor whose token may not speak for a side of a room.

    Raises:
        RuleViolation: `role_not_allowed`.
    """
    if side in actor.roles:
        return
    allowed = " or ".join(sorted(actor.roles)) or "neither side"
    message = f"user {actor.user_id!r} is the {side.lower()} here: the token may speak for {allowed} alone"
    if not let_pass(IdentityRefused("role_not_allowed", message), actor.user_id, side):
        raise RuleViolation(Code.ROLE_NOT_ALLOWED, message)


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """What the rules need to know of a room.

    Attributes:
        room_id: The room's id.
        buyer: The user on the buyer's side.
        seller: The user on the seller's side.
        blocked_by: The side that has blocked it; None: neither.
        closed: Whether the operator has closed it.
        deleted_at: When each side deleted it last; None: never.
    """

    room_id: str
    buyer: str
    seller: str
    blocked_by: str | None
    closed: bool
    deleted_at: Mapping[Role, datetime.datetime | None]

    @classmethod
    def of(cls, room: Document) -> RoomRecord:
        """The record of a room's document, which has the fields of ROOM_FIELDS at least."""
        return cls(
            room["_id"],
            text_in(room, "buyer"),
            text_in(room, "seller"),
            text_in(room, "blocked_by") or None,
            room.get("closed_at") is not None,
            {side: stored_time(room.get(fields.deleted_at)) for side, fields in SIDES.items()},
        )

    def side_for(self, actor: Actor, claimed: Role | None = None) -> Role:
        """Find the side on which an actor does something in this room.

        Args:
            actor: The authenticated user.
            claimed: The side that the client says the user is on; None: it does not say.

        Raises:
            RuleViolation: `not_a_member`, `role_mismatch`, `role_not_allowed`.
        """
        if claimed is None and len(actor.roles) == 1 and self.buyer == self.seller:
            (claimed,) = actor.roles
        side = self.side_of(actor.user_id, claimed)
        require_role(actor, side)
        return side

    def side_of(self, user_id: str, claimed: Role | None = None) -> Role:
        """Find a user's side. A user on both, which an old room may have, is on the claimed one, else on the buyer's.

        Raises:
            RuleViolation: `not_a_member`: the user is on neither side; `role_mismatch`: not on the claimed one.
        """
        sides = [side for side, user in ((Role.BUYER, self.buyer), (Role.SELLER, self.seller)) if user == user_id]
        if not sides:
            raise RuleViolation(
                Code.NOT_A_MEMBER, f"user {user_id!r} is neither buyer nor seller of room {self.room_id!r}"
            )
        if claimed is None:
            return sides[0]
        if claimed not in sides:
            raise RuleViolation(
                Code.ROLE_MISMATCH,
                f"`role` is {claimed.value!r}: user {user_id!r} is the {sides[0].lower()} of room {self.room_id!r}",
            )
        return claimed

    def hidden_until(self, side: Role) -> datetime.datetime | None:
        """The instant up to which the room's history is hidden from a side that deleted it; `None`: none of it is."""
        return self.deleted_at[side]

    def user_on(self, side: Role) -> str:
        """The user on a side."""
        return self.buyer if side is Role.BUYER else self.seller

    def other_than(self, user_id: str) -> str:
        """The user on the other side."""
        return self.seller if user_id == self.buyer else self.buyer


_Loading: TypeAlias = "asyncio.Future[RoomRecord | None]"
_InThread: TypeAlias = Callable[
    [Callable[[set[str]], dict[str, RoomRecord]], set[str]], Awaitable[dict[str, RoomRecord]]
]


class RoomLoader:
    """Loads rooms for many callers at once: while one query runs, the next one gathers.

    Args:
        in_thread: Runs the query: `in_store_thread`, or `in_message_thread` for those who are about to write.
        prepare: Awaited once for each group of rooms, before they are read.
    """

    def __init__(
        self, in_thread: _InThread = in_store_thread, prepare: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._in_thread = in_thread
        self._prepare = prepare
        self._recent: PerLoop[dict[str, tuple[float, RoomRecord]]] = PerLoop(dict)
        self._groups: PerLoop[GroupCommit[str, RoomRecord | None]] = PerLoop(lambda: GroupCommit(self._load))

    async def load(self, room_id: str, *, caller: str | None = None, deadline: float | None = None) -> RoomRecord:
        """A room as it is in the store now.

        Args:
            room_id: The room's id.
            caller: The user who asks. However much one asks, the others have their turn.
            deadline: When, by `time.monotonic`, the room is of no use any more.

        Returns:
            The room.

        Raises:
            RuleViolation: `room_not_found`, `overloaded`.
        """
        return await _found(room_id, self._begin(room_id, caller, deadline))

    async def load_recent(self, room_id: str, *, caller: str | None = None) -> RoomRecord:
        """A room as it was at most FRESH seconds ago, and with what this process has changed since; for each keystroke.

        While the store does not answer, as it was at most KNOWN seconds ago.

        Args:
            room_id: The room's id.
            caller: As of `load`.

        Returns:
            The room.

        Raises:
            RuleViolation: `room_not_found`, `overloaded`.
        """
        read_at, known = self._recent.get().get(room_id, _NOT_READ)
        age = time.monotonic() - read_at
        if known is not None and age <= FRESH:
            return known
        loading = self._begin(room_id, caller)
        loading.add_done_callback(partial(self._keep, room_id))
        if known is not None and age <= KNOWN:
            await asyncio.wait([loading], timeout=SOON)
            if not loading.done():
                return known
        return await _found(room_id, loading)

    def forget(self, room_id: str) -> None:
        """Have the next `load_recent` read a room that was changed."""
        self._recent.get().pop(room_id, None)

    def _begin(self, room_id: str, caller: str | None, deadline: float | None = None) -> _Loading:
        try:
            return self._groups.get().submit(room_id, key=caller, deadline=deadline)
        except NotTaken as error:
            raise overloaded(error) from None

    def _keep(self, room_id: str, loading: _Loading) -> None:
        if loading.cancelled() or loading.exception() is not None or (room := loading.result()) is None:
            return
        recent = self._recent.get()
        recent.pop(room_id, None)
        while len(recent) >= MOST_RECENT:
            del recent[next(iter(recent))]
        recent[room_id] = (time.monotonic(), room)

    async def _load(self, room_ids: Sequence[str]) -> Sequence[RoomRecord | Exception | None]:
        if self._prepare is not None:
            await self._prepare()
        rooms = await self._in_thread(_find, set(room_ids))
        return [rooms.get(room_id) for room_id in room_ids]


async def _found(room_id: str, loading: _Loading) -> RoomRecord:
    try:
        room = await loading
    except NotTaken as error:  # it was still waiting at its deadline
        raise overloaded(error) from None
    if room is None:
        raise RuleViolation(Code.ROOM_NOT_FOUND, f"there is no room {room_id!r}")
    return room


def _find(room_ids: set[str]) -> dict[str, RoomRecord]:
    return {
        found["_id"]: RoomRecord.of(found)
        for part in in_parts(room_ids)
        for found in durable(Room).find({"_id": {"$in": part}}, ROOM_FIELDS)
    }


load_room = RoomLoader().load
"""Loads a room for a reader: see `RoomLoader.load`."""
