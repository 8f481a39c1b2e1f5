"""Search in the messages of the rooms that a user sees, newest first.

By a literal regular expression on the index of histories, the rooms of the latest messages first, until no room is left
that could hold anything newer than what is found. No `$text` index: MongoDB allows a collection one, which finds a word
in all users' messages before it can ask whose they are, has no order by time, and costs every message an entry for each
of its words. A search costs what the user has, and nothing to a message that is sent: a frequent text is found in a few
rooms, a rare one is looked for in all of them.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from conversations.models import SIDES, Message, MessageType, Room, is_visible, last_message_at
from conversations.payloads import MessagePayload
from conversations.services.cursors import SearchPosition, from_instant, to_place, to_position
from conversations.services.search_pattern import pattern_of
from conversations.storage.room_loader import Actor, load_room
from identity import Role
from persistence.keyset import Place, to_cursor
from persistence.mongodb import Document, durable, in_store_thread
from persistence.per_event_loop import PerLoop
from persistence.timestamps import stored_time

LONGEST = 5.0
"""Seconds that one search may take; afterwards it answers with what it has."""

ROOMS_AT_ONCE = 25
"""Rooms of one query: MongoDB merges their sorted parts of the index, of which it opens each."""

AT_ONCE = 2
"""Searches of a process that run at the same time, so that the store's threads are left to messages, too."""

_EARLIEST = datetime.datetime.min.replace(tzinfo=datetime.UTC)
_LATEST = datetime.datetime.max.replace(tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_SAME_TIME = 10


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of what a search found.

    Attributes:
        messages: The messages, newest first.
        next_cursor: The cursor of the next page; None: there is none.
        complete: Whether all rooms were searched. If not, the rooms that were last active long ago are missing.
    """

    messages: list[MessagePayload]
    next_cursor: str | None
    complete: bool


def _place(message: Document) -> Place:
    return Place.of(message, "created_at")


@dataclass(frozen=True, slots=True)
class _Block:
    """Rooms that one query searches.

    Attributes:
        room_ids: The rooms.
        latest: No message in them is newer.
        hidden_until: Messages up to this instant are hidden from the user.
    """

    room_ids: list[str]
    latest: datetime.datetime
    hidden_until: datetime.datetime | None = None


class _Newest:
    """The newest of all messages that were added, at most `most`."""

    def __init__(self, most: int) -> None:
        self.messages: list[Document] = []
        self._most = most

    def add(self, messages: Iterable[Document]) -> None:
        self.messages = sorted([*self.messages, *messages], key=lambda message: _place(message).sort_key, reverse=True)[
            : self._most
        ]

    @property
    def beyond(self) -> datetime.datetime:
        """Messages up to this instant are not among them."""
        last = _place(self.messages[-1]).at if len(self.messages) == self._most else None
        return _EARLIEST if last is None else last - _MILLISECOND  # of two written at the same time, the _id decides


async def search_messages(
    actor: Actor,
    sides: Collection[Role],
    text: str,
    *,
    room_id: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> SearchPage:
    """Find texts in the visible rooms of a user. Redacted messages are left out.

        page = await search_messages(identity, identity.roles, "blue tea", limit=20)

    Args:
        actor: The authenticated user.
        sides: The sides that the user is on in the rooms to search.
        text: What to look for. `search_pattern` says what it matches.
        room_id: Only this room; None: all visible rooms.
        limit: The most messages of a page.
        cursor: The `next_cursor` of the page before.

    Returns:
        A page of what was found, after LONGEST seconds at most.

    Raises:
        RuleViolation: `validation_failed`; with a `room_id` also `room_not_found`, `not_a_member`, `role_mismatch`,
            `role_not_allowed`.
        PatternTooLong: `text` has too many letters with marks.
    """
    last = None if cursor is None else to_place(cursor, to_position(cursor, SearchPosition))
    async with _searching.get():
        deadline = asyncio.get_running_loop().time() + LONGEST
        blocks = [await _block_of(actor, sides, room_id)] if room_id else await in_store_thread(_blocks, actor, sides)
        newest = _Newest(limit + 1)
        content = {"$regex": pattern_of(text), "$options": "i"}
        matching = {"type": {"$in": [MessageType.TEXT, None]}, "redacted_at": None, "content": content}
        complete = True
        for block in blocks:
            after = max(newest.beyond, block.hidden_until or _EARLIEST)
            if block.latest <= after:
                continue
            if asyncio.get_running_loop().time() > deadline:
                complete = False
                break
            condition = {**_in(block.room_ids), **_between(after, last), **matching}
            newest.add(await in_store_thread(_find, condition, limit + 1, last))
    page = newest.messages[:limit]
    next_cursor = _cursor(_place(page[-1])) if len(newest.messages) > limit else None
    return SearchPage([MessagePayload.read(message) for message in page], next_cursor, complete)


async def _block_of(actor: Actor, sides: Collection[Role], room_id: str) -> _Block:
    room = await load_room(room_id)
    claimed = next(iter(sides)) if len(sides) == 1 else None
    return _Block([room_id], _LATEST, room.hidden_until(room.side_for(actor, claimed)))


def _blocks(actor: Actor, sides: Iterable[Role]) -> list[_Block]:
    """The user's visible rooms, the latest first; each with a hidden part alone, the others in groups."""
    rooms: dict[str, _Block] = {}
    for side in sides:
        for room in durable(Room).find({SIDES[side].user: actor.user_id}, SIDES[side].visibility):
            if (visible := _block_if_visible(room, side)) is not None:
                rooms.setdefault(visible.room_ids[0], visible)
    latest_first = sorted(rooms.values(), key=lambda room: room.latest, reverse=True)
    return sorted(_grouped(latest_first), key=lambda block: block.latest, reverse=True)


def _block_if_visible(room: Document, side: Role) -> _Block | None:
    if not isinstance(room["_id"], str):  # no client could name it
        return None
    if not is_visible(room, side):
        return None
    return _Block([room["_id"]], last_message_at(room, side) or _LATEST, stored_time(room.get(SIDES[side].deleted_at)))


def _grouped(rooms: Iterable[_Block]) -> Iterator[_Block]:
    group: list[_Block] = []
    for room in rooms:
        if room.hidden_until is not None:
            yield room
            continue
        group.append(room)
        if len(group) == ROOMS_AT_ONCE:
            yield _merged(group)
            group = []
    if group:
        yield _merged(group)


def _merged(rooms: list[_Block]) -> _Block:
    return _Block([room_id for room in rooms for room_id in room.room_ids], rooms[0].latest)


def _in(room_ids: list[str]) -> Document:
    return {"room_id": room_ids[0] if len(room_ids) == 1 else {"$in": room_ids}}


def _between(after: datetime.datetime, last: Place | None) -> Document:
    """Written after an instant, and not after the last message of the page before."""
    if last is not None and last.at is None:
        return {"created_at": {"$eq": None}}
    times = {
        **({"$gt": after} if after != _EARLIEST else {}),
        **({"$not": {"$gt": last.at}} if last is not None else {}),
    }
    return {"created_at": times} if times else {}


def _find(condition: Document, limit: int, last: Place | None) -> list[Document]:
    """The newest that follow the last message of the page before.

    Those of its very millisecond are read with the others and filtered here, so that the condition is one range of the
    index, without an `$or`.
    """
    asked = limit + (0 if last is None else _SAME_TIME)
    while True:
        found = list(durable(Message).find(condition, sort=[("created_at", -1), ("_id", -1)]).limit(asked))
        following = [message for message in found if last is None or _place(message).sort_key < last.sort_key]
        if len(following) >= limit or len(found) < asked:
            return following[:limit]
        asked *= 2


def _cursor(last: Place) -> str:
    return to_cursor(SearchPosition(from_instant(last.at), last.id))


_searching: PerLoop[asyncio.Semaphore] = PerLoop(lambda: asyncio.Semaphore(AT_ONCE))
