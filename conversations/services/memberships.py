"""Which rooms a user is in, for those who announce who is online.

Questions that come at once are one visit to the store: when a thousand clients connect, as many lists are due, and
read one by one they would hold up the messages of everybody else in MongoDB.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from conversations.models import SIDES, Room, is_visible
from identity import Role
from persistence.batching import GroupCommit
from persistence.fields import text_in
from persistence.mongodb import durable, in_store_thread
from persistence.per_event_loop import PerLoop

USERS_AT_ONCE = 20
"""Users whose rooms are read in one visit; a seller has thousands."""


class Membership(NamedTuple):
    """A user's place in a room.

    Attributes:
        room_id: The room's id.
        side: The side that the user is on.
        other: The user on the other side.
    """

    room_id: str
    side: Role
    other: str


class _Question(NamedTuple):
    user_id: str
    sides: tuple[Role, ...]
    seen_by_other: bool


async def visible_rooms_of(user_id: str, side: Role | None = None) -> list[Membership]:
    """Find the rooms that a user sees.

    Args:
        user_id: The user.
        side: The side that the user is on in them; None: either.

    Returns:
        The user's place in each, in no order.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    return await _reads.get().submit(_Question(user_id, tuple(Role) if side is None else (side,), False))


async def rooms_visible_to_others(user_id: str) -> list[Membership]:
    """Find the rooms of a user that their other sides see, whether the user sees them or not.

    Args:
        user_id: The user.

    Returns:
        The user's place in each, in no order.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    return await _reads.get().submit(_Question(user_id, tuple(Role), True))


async def _answer(questions: Sequence[_Question]) -> list[list[Membership]]:
    return await in_store_thread(_read, questions)


def _read(questions: Sequence[_Question]) -> list[list[Membership]]:
    wanted: dict[tuple[Role, bool], set[str]] = {}
    for question in questions:
        for side in question.sides:
            wanted.setdefault((side, question.seen_by_other), set()).add(question.user_id)
    found = {how: _memberships(users, *how) for how, users in wanted.items()}
    return [
        [
            membership
            for side in question.sides
            for membership in found[side, question.seen_by_other].get(question.user_id, ())
        ]
        for question in questions
    ]


def _memberships(users: Collection[str], side: Role, seen_by_other: bool) -> dict[str, list[Membership]]:
    rooms: dict[str, list[Membership]] = {}
    user, other = SIDES[side].user, SIDES[side.other].user
    seer = side.other if seen_by_other else side
    for room in durable(Room).find({user: {"$in": list(users)}}, [user, other, *SIDES[seer].visibility]):
        if is_visible(room, seer):
            membership = Membership(text_in(room, "_id"), side, text_in(room, other))
            rooms.setdefault(text_in(room, user), []).append(membership)
    return rooms


_reads = PerLoop(lambda: GroupCommit(_answer, max_batch=USERS_AT_ONCE, max_waiting=None))
