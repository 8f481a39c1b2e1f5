"""Finding users of the chat: by id, or by a part of a name, a phone number or an e-mail address in their rooms.

No collection has the users. The rooms of the latest activity are searched first, until a time limit; a page may come
back with few people or none, and with the place at which the next one begins.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field

from conversations.models import Room
from conversations.services.search_pattern import pattern_of
from identity import Role
from moderation.admin.rooms.search import RoomSearch, find_rooms
from moderation.admin.rooms.transcript import name_of
from moderation.models import Note, Report, Restriction, TargetKind
from persistence.keyset import Place
from persistence.mongodb import durable

_OF_BUYER = ("name", "phone_number", "email")
_OF_SHOP = ("name",)
FIELDS = (*(f"buyer_info.{name}" for name in _OF_BUYER), *(f"shop.{name}" for name in _OF_SHOP))


@dataclass(frozen=True, slots=True)
class Found:
    """A user that was found.

    Attributes:
        role: The side on which the user was found.
        also: What was found of them besides the name: a phone number, an e-mail address.
        room: The latest of their rooms in which they were found.
    """

    user_id: str
    name: str
    role: str
    also: str
    room: Room


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of users; the same as `RoomPage` of rooms."""

    people: list[Found] = field(default_factory=list)
    following: Place | None = None
    searched_until: datetime.datetime | None = None


def find_people(text: str, following: Place | None = None) -> PeoplePage:
    """Find users, those of the latest activity first.

    Args:
        text: A part of a name, a phone number or an e-mail address; or the id of a room.
        following: Where the page begins; None: the first page.

    Raises:
        PatternTooLong: The text is too long to look for.
    """
    pattern = re.compile(pattern_of(text), re.IGNORECASE)
    page = find_rooms(RoomSearch(text=text, fields=FIELDS), following)
    people: dict[str, Found] = {}
    for room in page.rooms:
        for found in _in_room(room, pattern, everybody=room.pk == text):
            people.setdefault(found.user_id, found)
    return PeoplePage(list(people.values()), page.following, page.searched_until)


def is_known(user_id: str) -> bool:
    """Whether anybody has this id: a room, or something that staff or users have said about it."""
    return (
        is_known_in_rooms(user_id)
        or Restriction.objects.filter(user_id=user_id).exists()
        or Report.objects.filter(user_id=user_id).exists()
        or Note.objects.filter(target_kind=TargetKind.USER, target_id=user_id).exists()
    )


def is_known_in_rooms(user_id: str) -> bool:
    """Whether anybody of this id has a room."""
    return any(durable(Room).find_one({side.lower(): user_id}, ["_id"]) is not None for side in Role)


def _in_room(room: Room, pattern: re.Pattern[str], *, everybody: bool) -> list[Found]:
    found: list[Found] = []
    for role, known, names in ((Role.BUYER, room.buyer_info, _OF_BUYER), (Role.SELLER, room.shop, _OF_SHOP)):
        user_id = room.buyer if role is Role.BUYER else room.seller
        values = {name: str(known.get(name) or "") for name in names}
        if user_id and (everybody or any(pattern.search(value) for value in values.values())):
            also = ", ".join(value for name, value in values.items() if name != "name" and value)
            found.append(Found(user_id, name_of(room, role), role.lower(), also, room))
    return found
