"""Who is online in a room that has just been made or shown again: its sides' lists of users did not have it."""

from __future__ import annotations

from conversations.announcements import announce_status_change
from conversations.payloads import UserStatusChange
from identity import Role
from presence import current as current_presence
from socketio_bridge import flush


async def announce_sides(room_id: str, sides: dict[Role, str], to: frozenset[Role] = frozenset(Role)) -> None:
    """Tell the sides `to` of a room that the other one is online, where it is: of a new room they take it for offline.

    What is told last is true, as for `statuses.announce_status`: presence is read again when it has been told, and told
    again where it differs.
    """
    told = dict.fromkeys(to, False)
    while True:
        online = await current_presence().online(sides.values())
        changed = [side for side in to if sides[side] in online and (sides[side.other] in online) is not told[side]]
        if not changed:
            return
        for side in changed:
            told[side] = not told[side]
            change = UserStatusChange(
                user_id=sides[side.other], user_role=side.other, room_id=room_id, status=told[side]
            )
            await announce_status_change(change, sides[side])
        await flush()
