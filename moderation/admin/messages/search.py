"""Which messages staff see in the list: by conversation, the one of the latest activity first, a page at a time.

Room by room on the index of histories, for as long as a page may take, since no index has all messages by their time
or by their words: that would cost every message that is sent. A page may come back with little or nothing, and with
the place to go on from.
"""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass, field
from typing import Final

from conversations.models import Message, Room
from conversations.services.search_pattern import pattern_of
from moderation.admin.rooms.search import LONGEST, RoomSearch, find_rooms
from moderation.admin.rooms.transcript import Line, lines_of, place_of, read_back
from moderation.admin.rooms.windows import Place
from persistence.mongodb import Document

PAGE: Final = 50
OF_ONE_ROOM: Final = 5
"""Messages shown of one room, where several are looked through."""


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """What staff look for: a text or a message's id, in one room, by one user, in a time."""

    text: str = ""
    room_id: str = ""
    user_id: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    def matching(self) -> Document:
        """On what no index has."""
        return {
            **({"from": self.user_id} if self.user_id else {}),
            **({"content": {"$regex": pattern_of(self.text), "$options": "i"}} if self.text else {}),
        }


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What was found in one room, the latest first; `more`: there is more of it."""

    room: Room
    lines: list[Line]
    more: bool


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Excerpts, where the next page begins (None: there is none), and how far the search came if it was cut short."""

    excerpts: list[Excerpt] = field(default_factory=list)
    following: Place | None = None
    searched_until: datetime.datetime | None = None


def find_messages(search: MessageSearch, following: Place | None = None) -> MessagePage:
    """A page of messages. `following`: where the page before said that the next one begins."""
    if search.text and (message := Message.objects.filter(pk=search.text).first()) is not None:
        rooms = Room.objects.filter(pk=message.room_id)
        return MessagePage([Excerpt(room, lines_of(room, [message]), more=False) for room in rooms])
    if search.room_id:
        return _in_room(search, following)
    return _in_rooms(search, following)


def _in_room(search: MessageSearch, following: Place | None) -> MessagePage:
    room = Room.objects.filter(pk=search.room_id).first()
    if room is None:
        return MessagePage()
    found = _read(room, search, PAGE + 1, following)
    page = found[:PAGE]
    next_place = place_of(page[-1]) if len(found) > PAGE else None
    return MessagePage([Excerpt(room, lines_of(room, page), more=False)] if page else [], next_place)


def _in_rooms(search: MessageSearch, following: Place | None) -> MessagePage:
    """What was said in a time was said in rooms that were active in it or later."""
    deadline = time.perf_counter() + LONGEST
    rooms = find_rooms(RoomSearch(user_id=search.user_id, since=search.since), following)
    excerpts: list[Excerpt] = []
    shown = 0
    for room in rooms.rooms:
        place = Place(room.updated_at, room.pk)
        found = _read(room, search, OF_ONE_ROOM + 1)
        if found:
            lines = lines_of(room, found[:OF_ONE_ROOM])
            excerpts.append(Excerpt(room, lines, more=len(found) > OF_ONE_ROOM))
            shown += len(lines)
        if shown >= PAGE and room is not rooms.rooms[-1]:
            return MessagePage(excerpts, place)
        if time.perf_counter() > deadline and room is not rooms.rooms[-1]:
            return MessagePage(excerpts, place, room.updated_at)
    searched_until = rooms.following.at if rooms.following is not None else None
    return MessagePage(excerpts, rooms.following, searched_until if shown < PAGE else None)


def _read(room: Room, search: MessageSearch, limit: int, before: Place | None = None) -> list[Message]:
    return read_back(room, limit, before=before, since=search.since, until=search.until, matching=search.matching())
