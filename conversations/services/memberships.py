"""Which rooms a user is in, for those who announce who is online.

Questions that come at once are one visit to the store: when a thousand clients connect, as many lists are due, and
read one by one they would hold up the messages of everybody else in MongoDB. What several ask of one user is read once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from conversations.models import SIDES, Room, is_visible
from identity import Role
from persistence.batching import GroupCommit
from persistence.fields import text_in
from persistence.mongodb import durable, in_parts, in_store_thread
from persistence.per_event_loop import PerLoop

QUESTIONS_AT_ONCE = 40
"""Questions that are answered in one visit, often two of one user; a seller has thousands of rooms."""


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


class _Place(NamedTuple):
    """A membership, and which of the two sides see the room."""

    membership: Membership
    seen: bool
    seen_by_other: bool


_EITHER_SIDE = tuple(Role)
_ONE_SIDE = {side: (side,) for side in Role}


def visible_rooms_of(user_id: str, side: Role | None = None) -> asyncio.Future[list[Membership]]:
    """Find the rooms that a user sees.

    Args:
        user_id: The user.
        side: The side that the user is on in them; None: either.

    Returns:
        A future of the user's place in each, in no order. It raises StoreUnavailable where MongoDB does not answer.
    """
    return _reads.get().submit(_Question(user_id, _EITHER_SIDE if side is None else _ONE_SIDE[side], False))


def rooms_visible_to_others(user_id: str) -> asyncio.Future[list[Membership]]:
    """Find the rooms of a user that their other sides see, whether the user sees them or not.

    Args:
        user_id: The user.

    Returns:
        As `visible_rooms_of`.
    """
    return _reads.get().submit(_Question(user_id, _EITHER_SIDE, True))


async def _answer(questions: Sequence[_Question]) -> list[list[Membership]]:
    return await in_store_thread(_read, questions)


def _read(questions: Sequence[_Question]) -> list[list[Membership]]:
    wanted: dict[Role, set[str]] = {}
    for question in questions:
        for side in question.sides:
            wanted.setdefault(side, set()).add(question.user_id)
    found = {side: _places(users, side) for side, users in wanted.items()}
    return [list(_matching(question, found)) for question in questions]


def _matching(question: _Question, found: dict[Role, dict[str, list[_Place]]]) -> Iterator[Membership]:
    for side in question.sides:
        for place in found[side].get(question.user_id, ()):
            if place.seen_by_other if question.seen_by_other else place.seen:
                yield place.membership


def _places(users: Collection[str], side: Role) -> dict[str, list[_Place]]:
    rooms: dict[str, list[_Place]] = {}
    user, other = SIDES[side].user, SIDES[side.other].user
    fields = [user, other, *SIDES[side].visibility, *SIDES[side.other].visibility]
    for part in in_parts(users):
        for room in durable(Room).find({user: {"$in": part}}, fields):
            membership = Membership(text_in(room, "_id"), side, text_in(room, other))
            place = _Place(membership, is_visible(room, side), is_visible(room, side.other))
            rooms.setdefault(text_in(room, user), []).append(place)
    return rooms


_reads = PerLoop(lambda: GroupCommit(_answer, max_batch=QUESTIONS_AT_ONCE, max_waiting=None))
