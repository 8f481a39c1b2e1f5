"""What has changed in a user's rooms since a token: rooms, what was seen, and messages, page by page.

A token is an instant of the store's clock, less MARGIN. A client with a token has all that had changed before the
instant. Changes within MARGIN are sent again, and so are changes that happen while pages are read. Each is a state, so
that a repeat changes nothing. A sync reads the rooms that changed in the order of their ids, with their new messages
(`Stage.NEW`), then what older messages say now (`Stage.CHANGED`). A room that changes behind the place where a sync
stands comes with the next one: the last token of a sync is an instant of its beginning.

A page costs the projected read of the user's own rooms, by the index of their side, and one range of an index of
messages; two where the page before ended in the midst of a room.
"""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby, takewhile
from typing import Final

import msgspec

from conversations.configuration import ChatSettings
from conversations.errors import Code, RuleViolation
from conversations.models import SIDES, Message, Room, is_visible
from conversations.payloads import (
    Change,
    ChangePage,
    MessageNew,
    MessagePayload,
    MessageRedacted,
    MessageUpdated,
    RoomDeletion,
    RoomHidden,
    RoomSeen,
    RoomState,
    view_of,
)
from conversations.requests import SeenMessages
from conversations.services.cursors import SyncPosition
from conversations.services.room_list import CLOCK_SKEW, find_rooms
from conversations.storage.room_loader import Actor
from identity import Role
from persistence.database import connection
from persistence.fields import object_in, text_in
from persistence.keyset import Condition, Place, Stretch, from_cursor, to_cursor
from persistence.mongodb import TIMEOUT, Document, durable, in_store_thread
from persistence.per_event_loop import PerLoop
from persistence.store_clock import store_clock
from persistence.timestamps import from_milliseconds, stored_time, to_milliseconds, to_wire

MARGIN: Final = datetime.timedelta(milliseconds=CLOCK_SKEW, seconds=TIMEOUT)
"""What may lie between the instant that a change bears and the one at which others can read it, by the store's clock:
the difference of clocks, and one visit to the store."""
_MARGIN_MILLISECONDS: Final = MARGIN // datetime.timedelta(milliseconds=1)
MOST_CHARACTERS: Final = 500_000
"""Characters of the contents on one page, unless one message has more."""
AT_ONCE: Final = 2
"""Pages that a process reads at the same time, so that the store's threads are left to messages, too."""


class Stage(IntEnum):
    """The two passes through the rooms that changed."""

    NEW = 0
    CHANGED = 1

    @property
    def dated_by(self) -> str:
        """The field by which this pass finds messages; an index has it below `room_id`."""
        return "created_at" if self is Stage.NEW else "changed_at"


@dataclass(frozen=True, slots=True, order=True)
class _Changed:
    """A room that changed. `hidden_until`: what of its history the side does not see; None: it sees all."""

    room_id: str
    visible: bool
    hidden_until: datetime.datetime | None
    messages_changed: bool


def token_since(instant: datetime.datetime) -> str:
    """A token for all that changes from an instant of the store's clock on (`store_clock`)."""
    return to_cursor(SyncPosition(since=max(0, to_milliseconds(instant - MARGIN))))


async def sync_token(instant: float | None = None) -> str:
    """A token for all that changes from an instant of this process on.

    Args:
        instant: As `time.monotonic()` gives it, such as when a socket began to hear events. None: now.

    Raises:
        StoreUnavailable: MongoDB was not asked for its time lately, and does not answer.
    """
    instant = time.monotonic() if instant is None else instant
    # It is known wherever the store was asked anything in the last seconds: who connects waits for no thread then.
    at = store_clock.known_at(instant)
    return token_since(await in_store_thread(store_clock.at, instant) if at is None else at)


async def list_changes(actor: Actor, side: Role, since: str | None, limit: int) -> ChangePage:
    """What changed in a user's rooms since a token, as far as their side sees it.

    Args:
        actor: The user.
        side: The side that the user is in the rooms.
        since: A token; None: no changes, and a token for now.
        limit: How many messages a page has at most, and how many rooms.

    Returns:
        A page, with the token that is to be asked with next.

    Raises:
        RuleViolation: `validation_failed`, it is no token, or of a sync of the other side; `sync_too_old`.
        StoreUnavailable: MongoDB does not answer.
    """
    if since is None:
        return ChangePage(changes=[], next=await sync_token(), more=False)
    position = _read(since, side)
    async with _syncing.get():
        return await in_store_thread(_list, actor.user_id, side, position, limit)


def _read(token: str, side: Role) -> SyncPosition:
    unusable = RuleViolation(
        Code.VALIDATION_FAILED,
        f"`since` is {token[:40]!r}: it must be a token that this server gave, unchanged, or be left out",
    )
    try:
        position = from_cursor(token, SyncPosition)
        for milliseconds in (position.since, position.until, position.at):
            from_milliseconds(milliseconds or 0)
        Stage(position.stage)
    except (ValueError, OverflowError):
        raise unusable from None
    if position.since < 0 or (position.until is not None and position.side is not side):
        raise unusable
    return position


def _list(user_id: str, side: Role, position: SyncPosition, limit: int) -> ChangePage:
    position = _begun(position, side)
    rooms = sorted(_changed_rooms(user_id, side, from_milliseconds(position.since)))
    pending = [(stage, waiting) for stage in Stage if (waiting := _waiting(rooms, stage, position))]
    changes: list[Change] = []
    following = None
    if pending:
        (stage, waiting), *later = pending
        page = _read_page(stage, waiting, position, limit)
        changes = list(_told(page, stage, side, position))
        if page.rooms[-1] != waiting[-1] or page.end is not None:
            following = _beyond(position, stage, page.rooms[-1].room_id, page.end)
        elif later:
            following = _beyond(position, later[0][0], "", None)
    token = following or SyncPosition(since=position.until or position.since)
    return ChangePage(changes=changes, next=to_cursor(token), more=following is not None)


def _begun(position: SyncPosition, side: Role) -> SyncPosition:
    """A position within a sync. RuleViolation `sync_too_old`: its beginning is."""
    until = position.until
    if until is None:
        until = max(0, to_milliseconds(store_clock.at(time.monotonic()) - MARGIN))
    window = 1000 * ChatSettings.current().SYNC_WINDOW
    # From the future: the store's clock was set back, and changes since then bear earlier instants than the token.
    if (window and position.since < until - window) or position.since > until + _MARGIN_MILLISECONDS:
        raise RuleViolation(
            Code.SYNC_TOO_OLD,
            f"what changed since {to_wire(from_milliseconds(position.since))} cannot be told any more: load rooms and "
            "messages anew, and then sync with a new token",
        )
    return msgspec.structs.replace(position, until=until, side=side)


def _changed_rooms(user_id: str, side: Role, since: datetime.datetime) -> Iterator[_Changed]:
    fields = SIDES[side]
    later = {"$gt": since}
    # In two stages: what the index finds, and what is left of that.
    stages: list[Document] = [
        {"$match": {fields.user: user_id}},
        {"$match": {"$or": [{"updated_at": later}, {"changed_at": later}]}},
        {"$project": dict.fromkeys([*fields.visibility, "messages_changed_at"], 1)},
    ]
    for room in durable(Room).aggregate(stages):
        if isinstance(room["_id"], str):  # else no client could name it
            changed_at = stored_time(room.get("messages_changed_at"))
            yield _Changed(
                room_id=room["_id"],
                visible=is_visible(room, side),
                hidden_until=stored_time(room.get(fields.deleted_at)),
                messages_changed=changed_at is not None and changed_at > since,
            )


def _waiting(rooms: Sequence[_Changed], stage: Stage, position: SyncPosition) -> list[_Changed]:
    """The rooms that are still to be sent in a stage."""
    if stage < position.stage:
        return []
    concerned = [room for room in rooms if stage is Stage.NEW or (room.visible and room.messages_changed)]
    if stage > position.stage:
        return concerned
    done, unfinished = position.room_id, position.at is not None
    return [room for room in concerned if room.room_id > done or (unfinished and room.room_id == done)]


@dataclass(frozen=True, slots=True)
class _Page:
    """Rooms, and messages in them. `end`: the place of the last message where the last room has more of them."""

    rooms: list[_Changed]
    messages: list[Document]
    end: Place | None


def _read_page(stage: Stage, waiting: list[_Changed], position: SyncPosition, limit: int) -> _Page:
    since, beyond = from_milliseconds(position.since), _place(position, stage, waiting[0])
    if beyond is not None or _has_own_bound(waiting[0], stage, since):
        rooms, after = waiting[:1], max(since, waiting[0].hidden_until or since)
    else:
        rooms = list(takewhile(lambda room: not _has_own_bound(room, stage, since), waiting))[:limit]
        after = since
    conditions = _conditions(stage, rooms, since if stage is Stage.CHANGED else after, beyond)
    found = _find(stage, conditions, limit + 1)
    size = _fitting(found[:limit])
    if len(found) == size:
        return _Page(rooms, found, None)
    # A room that does not fit any more is on the next page; alone on this one, it is cut.
    overflowing = found[size]["room_id"]
    fitting = list(takewhile(lambda room: room.room_id != overflowing, rooms))
    if fitting:
        return _Page(fitting, [message for message in found[:size] if message["room_id"] != overflowing], None)
    return _Page(rooms[:1], found[:size], Place.of(found[size - 1], stage.dated_by))


def _place(position: SyncPosition, stage: Stage, room: _Changed) -> Place | None:
    """Where the page before ended within a room; None: it ended before it."""
    if position.at is None or stage != position.stage or room.room_id != position.room_id:
        return None
    return Place(from_milliseconds(position.at), position.message_id)


def _has_own_bound(room: _Changed, stage: Stage, since: datetime.datetime) -> bool:
    """Whether the messages of a room begin later than those of others: the side has deleted the room since."""
    return stage is Stage.NEW and room.visible and room.hidden_until is not None and room.hidden_until > since


def _conditions(
    stage: Stage, rooms: Sequence[_Changed], after: datetime.datetime, beyond: Place | None
) -> Iterator[Condition]:
    if beyond is not None:
        stretch = Stretch(stage.dated_by, oldest_first=True, after=after)
        yield from ({"room_id": rooms[0].room_id, **condition} for condition in stretch.conditions(beyond))
        return
    if room_ids := [room.room_id for room in rooms if room.visible]:
        keys = connection.ops.key_conditions("room_id", room_ids)  # type: ignore[attr-defined]  # our engine's own
        yield from ({**key, stage.dated_by: {"$gt": after}} for key in keys)


def _find(stage: Stage, conditions: Iterator[Condition], most: int) -> list[Document]:
    """The first messages, by room and instant; what follows each other in `conditions` does so in that order."""
    order = {"room_id": 1, stage.dated_by: 1, "_id": 1}
    found: list[Document] = []
    for condition in conditions:
        found += durable(Message).find(condition, sort=list(order.items()), limit=most - len(found))
        if len(found) >= most:
            break
    return found


def _fitting(messages: Sequence[Document]) -> int:
    """How many of them fit on a page, one at least where there is any."""
    characters = 0
    for count, message in enumerate(messages):
        characters += len(text_in(message, "content"))
        if characters > MOST_CHARACTERS:
            return max(1, count)
    return len(messages)


def _beyond(position: SyncPosition, stage: Stage, room_id: str, end: Place | None) -> SyncPosition:
    at, message_id = (None, "") if end is None or end.at is None else (to_milliseconds(end.at), end.id)
    return msgspec.structs.replace(position, stage=stage, room_id=room_id, at=at, message_id=message_id)


def _told(page: _Page, stage: Stage, side: Role, position: SyncPosition) -> Iterator[Change]:
    since = from_milliseconds(position.since)
    messages = {room_id: list(group) for room_id, group in groupby(page.messages, lambda each: each["room_id"])}
    if stage is Stage.CHANGED:
        for room in page.rooms:
            yield from _changed_messages(messages.get(room.room_id, []), room.hidden_until, since)
        return
    begun = _place(position, stage, page.rooms[0]) is not None
    documents = {room["_id"]: room for room in find_rooms([room.room_id for room in page.rooms[begun:]])}
    for room in page.rooms:
        if room.room_id in documents:
            yield from _room_changes(documents[room.room_id], side, since)
        yield from (MessageNew(data=MessagePayload.read(message)) for message in messages.get(room.room_id, []))


def _room_changes(room: Document, side: Role, since: datetime.datetime) -> Iterator[Change]:
    fields = SIDES[side]
    buyer, seller = text_in(room, SIDES[Role.BUYER].user), text_in(room, SIDES[Role.SELLER].user)
    deleted_at, visible = stored_time(room.get(fields.deleted_at)), is_visible(room, side)
    if not visible or (deleted_at is not None and deleted_at > since):
        deletion = RoomDeletion(room_id=room["_id"], seller=seller, buyer=buyer, deletion_role=side.value)
        yield RoomHidden(data=deletion)
    if not visible:
        return
    yield RoomState(data=view_of(room, side))
    for reader in Role:
        seen = object_in(room, SIDES[reader].seen)
        until, at = stored_time(seen.get("created_at")), stored_time(seen.get("at"))
        if until is not None and at is not None and at > since:
            yield RoomSeen(
                data=SeenMessages(
                    room_id=room["_id"],
                    sender=text_in(room, SIDES[reader].user),
                    recipient=text_in(room, SIDES[reader.other].user),
                    last_message_id=text_in(seen, "_id"),
                    last_message_created_at=to_wire(until),
                )
            )


def _changed_messages(
    messages: Sequence[Document], hidden_until: datetime.datetime | None, since: datetime.datetime
) -> Iterator[Change]:
    """The messages, but those that were sent as new ones, and those that the side does not see."""
    for message in messages:
        created_at = stored_time(message.get("created_at"))
        if created_at is not None and created_at > since:
            continue
        if hidden_until is not None and (created_at is None or created_at <= hidden_until):
            continue
        payload = MessagePayload.read(message)
        if message.get("redacted_at") is None:
            yield MessageUpdated(data=payload)
        else:
            yield MessageRedacted(data=payload)


_syncing: PerLoop[asyncio.Semaphore] = PerLoop(lambda: asyncio.Semaphore(AT_ONCE))
