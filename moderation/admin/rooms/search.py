"""The search for rooms, the room of the latest activity first, a page at a time.

The ids of rooms and users have indexes. All else (names, who blocked, closed, unseen) is searched from the latest
activity back, until a time limit. A page may come back with few rooms or none, and with the place at which the next one
begins.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conversations.models import SIDES, Room
from conversations.services.search_pattern import pattern_of
from identity import Role
from moderation.admin.changelists import windows
from moderation.admin.changelists.windows import BEGINNING, going_back
from persistence.database import connection
from persistence.keyset import Place
from persistence.mongodb import Document, durable, in_parts

PAGE = 50
LONGEST = 0.1
"""Seconds after which a page takes what it has."""

_NAMEABLE: Document = {"_id": {"$type": "string"}}
"""What has an address: the key that another program gave a room may be anything."""
_NAMES = ("buyer_info.name", "shop.name")


@dataclass(frozen=True, slots=True)
class RoomSearch:
    """A search; all conditions must hold.

    Attributes:
        text: The id of a room or a user, or else a part of a name.
        user_id: Only rooms of this user.
        since: The earliest last activity.
        until: The last activity is before this.
        closed: Only closed rooms, or only open ones; None: both.
        blocked_by: Only rooms that this side blocked.
        unseen_by: Only rooms with messages that this side has not seen.
        fields: Where a text that is no id is looked for.
    """

    text: str = ""
    user_id: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    closed: bool | None = None
    blocked_by: Role | None = None
    unseen_by: Role | None = None
    fields: tuple[str, ...] = _NAMES

    def conditions(self) -> list[Document]:
        """The conditions that no index serves."""
        conditions: list[Document] = []
        if self.closed is not None:
            conditions.append({"closed_at": {"$ne": None} if self.closed else None})
        if self.blocked_by is not None:
            conditions.append({"blocked_by": self.blocked_by.value})
        if self.unseen_by is not None:
            conditions.append({SIDES[self.unseen_by].unseen_messages: {"$gt": 0}})
        return conditions


@dataclass(frozen=True, slots=True)
class RoomPage:
    """A page of search results.

    Attributes:
        rooms: The rooms.
        following: Where the next page begins; None: there is none.
        searched_until: How far back the search came, if the time limit ended it.
    """

    rooms: list[Room] = field(default_factory=list)
    following: Place | None = None
    searched_until: datetime.datetime | None = None


def find_rooms(search: RoomSearch, following: Place | None = None) -> RoomPage:
    """Find a page of rooms.

    Args:
        search: What to find.
        following: Where the page begins; None: the first page.
    """
    connection.ensure_connection()
    if exact := _exactly(search):
        # A user with very many rooms has a page of them among the latest of all, which spares reading them all to sort.
        latest = _look_back(search, {"$or": exact}, following, LONGEST / 4)
        if len(latest.rooms) == PAGE:
            return latest
        found = {room["_id"]: room for source in exact for room in _read(source, search, [], following)}
        if found or search.user_id:
            return _page(list(found.values()))
    name = {"$regex": pattern_of(search.text), "$options": "i"}
    return _look_back(
        search, {"$or": [{each: name} for each in search.fields]} if search.text else {}, following, LONGEST
    )


def _exactly(search: RoomSearch) -> list[Document]:
    """The conditions with an index, if the search is for an id."""
    if search.user_id:
        return [{"buyer": search.user_id}, {"seller": search.user_id}]
    return [{"_id": search.text}, {"buyer": search.text}, {"seller": search.text}] if search.text else []


def _look_back(search: RoomSearch, also: Document, following: Place | None, longest: float) -> RoomPage:
    found: list[Document] = []
    deadline = windows.clock() + longest
    for number, (condition, began) in enumerate(_from_the_latest(search, following)):
        if number and began is not None and windows.clock() > deadline:
            return RoomPage(_load(found), Place(began, ""), began)
        found += _read(condition, search, [also] if also else [], following)
        if len(found) > PAGE:
            break
    return _page(found)


def _from_the_latest(
    search: RoomSearch, following: Place | None
) -> Iterator[tuple[Document, datetime.datetime | None]]:
    """Yield conditions on the last activity, each with the time until which all later rooms have been read."""
    if following is None or following.at is not None:
        until = search.until
        if following is not None and following.at is not None:
            after = following.at + datetime.timedelta(milliseconds=1) if following.id else following.at
            until = after if until is None else min(until, after)
        now = datetime.datetime.now(datetime.UTC)
        for window in going_back(until, search.since or BEGINNING, now):
            yield {"updated_at": window.condition()}, window.until
    if search.since is None and search.until is None:
        yield {"updated_at": None}, None


def _read(source: Document, search: RoomSearch, more: list[Document], following: Place | None) -> list[Document]:
    """Read one room more than a page has. An index serves the first stage."""
    stages: list[Document] = [{"$match": source}]
    rest = [_NAMEABLE, *search.conditions(), *more]
    if "updated_at" not in source and (search.since is not None or search.until is not None):
        times = {"$gte": search.since, "$lt": search.until}
        rest.append({"updated_at": {bound: at for bound, at in times.items() if at is not None}})
    if following is not None and following.id:
        rest.append(following.earlier("updated_at"))
    stages.append({"$match": {"$and": rest}})
    order: dict[str, Any] = {"updated_at": -1, "_id": -1}
    return list(
        durable(Room).aggregate([*stages, {"$sort": order}, {"$limit": PAGE + 1}, {"$project": {"updated_at": 1}}])
    )


def _place(room: Document) -> Place:
    return Place.of(room, "updated_at")


def _page(found: list[Document]) -> RoomPage:
    found = sorted(found, key=lambda room: _place(room).sort_key, reverse=True)
    page = found[:PAGE]
    return RoomPage(_load(page), _place(page[-1]) if len(found) > PAGE else None)


def _load(found: list[Document]) -> list[Room]:
    ids = [room["_id"] for room in found]
    rooms = {room.pk: room for part in in_parts(ids) for room in Room.objects.filter(pk__in=part)}
    return [rooms[room_id] for room_id in ids if room_id in rooms]
