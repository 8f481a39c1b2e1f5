"""Presence in rooms: which other sides of a user's rooms are online, and announcing when the user comes or goes.

Which rooms count follows from who gets the event: `active_user_list` names the rooms that the connecting user sees, and
`user_status_change` goes to the other sides who see the room, also when the user has deleted it. So a list and the
changes that follow it are about the same rooms, and no side keeps a status that nobody corrects.

Users who connect in the same moment are looked up and told together: a storm costs a few questions, not some for each
of its clients. `reannouncing` announces later what cannot be announced now, and corrects what may have been wrong.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from conversations.announcements import announce_status_change
from conversations.configuration import ChatSettings
from conversations.payloads import UserStatusChange
from conversations.services import Membership, rooms_visible_to_others, sync_token, visible_rooms_of
from identity import Identity, Role
from persistence.batching import GroupCommit
from persistence.per_event_loop import PerLoop
from presence import current as current_presence
from socketio_bridge import emit, flush, outgoing_event

USERS_AT_ONCE = 40
"""Users who are listed or announced together."""
_ROUNDS = 4
"""Rounds of announcements at a time: one user's waits for no other's rooms unless many come."""
_EMITS_A_TURN = 100  # then other tasks of the loop get theirs
_ROOMS_A_TURN = 500  # of lists, likewise


class RoomStatus(Struct):
    """Whether the other side of a room is online."""

    room_id: str
    status: bool


class ActiveUserList(Struct):
    """`active_user_list`, to a user of whom a device has connected: who is online in the rooms seen on that side.

    Later changes come as `user_status_change`. After a disturbance between the servers the list comes once more, and
    replaces what was known. `since` is a token of `sync`, from before the device heard events, for a device that has
    none and loads everything.
    """

    user_id: str
    user_role: Role
    rooms: list[RoomStatus]
    since: str


@outgoing_event("active_user_list")
def active_user_list(listed: ActiveUserList) -> None:
    """Who is online; to all devices of a user of whom a device has connected, and once more after a disturbance."""


class _DueList(NamedTuple):
    user_id: str
    side: Role
    heard_from: float


def send_active_user_list(identity: Identity, heard_from: float) -> asyncio.Future[None]:
    """Send `active_user_list` to all devices of a user: who is online in the rooms that they see on their side.

    Args:
        identity: The user, and the side that has just connected.
        heard_from: The instant (`time.monotonic()`) from which the device hears events.

    Returns:
        A future that is done when the list is out. It raises StoreUnavailable where MongoDB does not answer.
    """
    return _lists.get().submit(_DueList(identity.user_id, identity.role, heard_from))


async def _send_lists(due: Sequence[_DueList]) -> Sequence[None]:
    rooms = await asyncio.gather(*(visible_rooms_of(each.user_id, each.side) for each in due))
    online = await current_presence().online(room.other for of_user in rooms for room in of_user)
    told = 0
    for each, of_user in zip(due, rooms, strict=True):
        listed = _active_user_list(each.user_id, each.side, of_user, online, await sync_token(each.heard_from))
        await emit(active_user_list(listed), to=[each.user_id], namespace=ChatSettings.current().MESSENGER_NAMESPACE)
        told += len(of_user)
        if told >= _ROOMS_A_TURN:
            await asyncio.sleep(0)
            told = 0
    return [None] * len(due)


_lists = PerLoop(lambda: GroupCommit(_send_lists, max_batch=USERS_AT_ONCE, max_waiting=None))


async def send_active_user_lists(
    side: Role, rooms: Mapping[str, Sequence[Membership]], heard_from: Mapping[str, float]
) -> None:
    """Send `active_user_list` to the devices here of several users.

    Args:
        side: The side that the users are.
        rooms: The rooms that each of them sees on it, by user.
        heard_from: The instant (`time.monotonic()`) from which the first device of each hears events, by user.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    online = await current_presence().online(room.other for of_user in rooms.values() for room in of_user)
    for user_id, of_user in rooms.items():
        listed = _active_user_list(user_id, side, of_user, online, await sync_token(heard_from[user_id]))
        await emit(
            active_user_list(listed), to=[user_id], namespace=ChatSettings.current().MESSENGER_NAMESPACE, local=True
        )


def _active_user_list(
    user_id: str, side: Role, rooms: Sequence[Membership], online: set[str], since: str
) -> ActiveUserList:
    return ActiveUserList(user_id, side, [RoomStatus(room.room_id, room.other in online) for room in rooms], since)


async def announce_status(user_id: str) -> None:
    """Send `user_status_change` to the other sides of a user's rooms. Call it whenever the user comes or goes.

    Returns when what was announced is true: presence is read again after announcing, and announced again if it differs.
    Of all processes that announce one user, the last to emit has read after that, or another call follows; so the last
    event that a client gets is right, however often the user comes and goes, and wherever. A call for a user who is
    being announced here joins that announcement. Only those who are online get the event: who comes later gets a list.

    Args:
        user_id: The user.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    await asyncio.shield(begin_announcing(user_id))


def begin_announcing(user_id: str) -> asyncio.Future[None]:
    """`announce_status`, as a future that all who call this for one user share; it is not theirs to cancel."""
    return _announcements.get().begin(user_id)


class _Announcements:
    """The users who are being announced in this event loop: a few rounds at a time, of several users each."""

    def __init__(self) -> None:
        self._due: dict[str, None] = {}  # users who wait for a round, in the order of the calls
        self._in_round: set[str] = set()
        self._stale: set[str] = set()  # users of a round for whom somebody called again: what it reads may be too old
        self._announced: dict[str, bool] = {}  # what was, last, of users who are being announced
        self._done: dict[str, asyncio.Future[None]] = {}
        self._rounds: set[asyncio.Task[None]] = set()

    def begin(self, user_id: str) -> asyncio.Future[None]:
        """Have a user announced; see `begin_announcing`."""
        done = self._done.get(user_id)
        if done is None:
            done = self._done[user_id] = asyncio.get_running_loop().create_future()
        if user_id in self._in_round:
            self._stale.add(user_id)
        else:
            self._due[user_id] = None
            self._begin_round()
        return done

    def _begin_round(self) -> None:
        if self._due and len(self._rounds) < _ROUNDS:
            # In a context of its own: it serves everybody, not the connection that happened to start it.
            begun = asyncio.get_running_loop().create_task(self._round(), context=contextvars.Context())
            self._rounds.add(begun)
            begun.add_done_callback(self._end_round)

    def _end_round(self, ended: asyncio.Task[None]) -> None:
        self._rounds.discard(ended)
        if not ended.cancelled():  # as at the end of a loop
            self._begin_round()

    async def _round(self) -> None:
        users = list(itertools.islice(self._due, USERS_AT_ONCE))
        for user_id in users:
            del self._due[user_id]
        if not users:  # one that began with this one took them all
            return
        self._in_round.update(users)
        error: Exception | None = None
        try:
            await self._announce(users)
            online = await current_presence().online(users)
        except Exception as failure:
            error = failure
        for user_id in users:
            self._in_round.discard(user_id)
            stale = user_id in self._stale
            self._stale.discard(user_id)
            if error is not None:
                self._end(user_id).set_exception(error)
            elif stale or (user_id in online) is not self._announced[user_id]:
                self._due[user_id] = None
            else:
                self._end(user_id).set_result(None)

    async def _announce(self, users: Sequence[str]) -> None:
        found = await asyncio.gather(*map(rooms_visible_to_others, users))
        others = (room.other for of_user in found for room in of_user)
        online = await current_presence().online(itertools.chain(users, others))
        for user_id, of_user in zip(users, found, strict=True):
            status = user_id in online
            if self._announced.get(user_id) is not status:
                await self._send(user_id, status, [room for room in of_user if room.other in online])
                self._announced[user_id] = status
        await flush()

    async def _send(self, user_id: str, status: bool, rooms: Sequence[Membership]) -> None:
        for sent, room in enumerate(rooms, 1):
            change = UserStatusChange(user_id=user_id, user_role=room.side, room_id=room.room_id, status=status)
            await announce_status_change(change, room.other)
            if sent % _EMITS_A_TURN == 0:
                await asyncio.sleep(0)

    def _end(self, user_id: str) -> asyncio.Future[None]:
        """Have a later call begin anew. Returns the future of those who wait."""
        self._announced.pop(user_id, None)
        return self._done.pop(user_id)


_announcements = PerLoop(_Announcements)
