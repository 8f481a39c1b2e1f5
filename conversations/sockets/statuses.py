"""Presence in rooms: which other sides of a user's rooms are online, and announcing when the user comes or goes.

Which rooms count follows from who gets the event: `active_user_list` names the rooms that the connecting user sees, and
`user_status_change` goes to the other sides who see the room, also when the user has deleted it. So a list and the
changes that follow it are about the same rooms, and no side keeps a status that nobody corrects.

`reannouncing` announces later what cannot be announced now, and corrects what may have been wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct

from conversations.announcements import announce_status_change
from conversations.configuration import ChatSettings
from conversations.payloads import UserStatusChange
from conversations.services import Membership, rooms_visible_to_others, sync_token, visible_rooms_of
from identity import Identity, Role
from persistence.per_event_loop import PerLoop
from presence import current as current_presence
from socketio_bridge import emit, flush, outgoing_event

_EMITS_A_TURN = 100  # then other tasks of the loop get theirs


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


async def send_active_user_list(identity: Identity, heard_from: float) -> None:
    """Send `active_user_list` to all devices of a user: who is online in the rooms that they see on their side.

    Args:
        identity: The user, and the side that has just connected.
        heard_from: The instant (`time.monotonic()`) from which the device hears events.

    Raises:
        StoreUnavailable: MongoDB does not answer.
    """
    rooms = await visible_rooms_of(identity.user_id, identity.role)
    online = await current_presence().online(room.other for room in rooms)
    listed = _active_user_list(identity.user_id, identity.role, rooms, online, await sync_token(heard_from))
    await emit(active_user_list(listed), to=[identity.user_id], namespace=ChatSettings.current().MESSENGER_NAMESPACE)


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
    running = _running.get()
    announcement = running.get(user_id)
    if announcement is None or announcement.task.done():  # done, but not yet forgotten: it reads no more
        announcement = running[user_id] = _Announcement(user_id)
        announcement.task.add_done_callback(lambda task: _forget(user_id, task))
    else:
        announcement.stale = True
    await asyncio.shield(announcement.task)


class _Announcement:
    """One user being announced.

    Attributes:
        stale: Whether somebody called again, so that what is being read now may be too old.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self.stale = False
        self.task = asyncio.get_running_loop().create_task(self._run(), name="announce status")

    async def _run(self) -> None:
        presence = current_presence()
        rooms = await rooms_visible_to_others(self._user_id)
        announced: bool | None = None
        while True:
            online = await presence.online([self._user_id, *(room.other for room in rooms)])
            status = self._user_id in online
            if status is not announced:
                await self._send(status, [room for room in rooms if room.other in online])
                announced = status
            self.stale = False
            now_online = self._user_id in await presence.online([self._user_id])
            if now_online is announced and not self.stale:
                return

    async def _send(self, status: bool, rooms: list[Membership]) -> None:
        for sent, room in enumerate(rooms, 1):
            change = UserStatusChange(user_id=self._user_id, user_role=room.side, room_id=room.room_id, status=status)
            await announce_status_change(change, room.other)
            if sent % _EMITS_A_TURN == 0:
                await asyncio.sleep(0)
        await flush()


def _new_announcements() -> dict[str, _Announcement]:
    return {}


_running = PerLoop(_new_announcements)


def _forget(user_id: str, done: asyncio.Task[None]) -> None:
    running = _running.get()
    if running[user_id].task is done:
        del running[user_id]
