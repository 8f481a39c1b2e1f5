"""Who is in which room of a namespace."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from socketio_bridge import Handshake, Namespace, Socket
from socketio_bridge.adapter.rooms import LocalSocket, Rooms


def socket(socket_id: str) -> Socket:
    nothing = cast(Any, None)  # no client, no connection
    handshake = Handshake({}, {}, {}, "", datetime.now(UTC), secure=False, xdomain=False, url="", scope={})
    return Socket(socket_id, "/chat", Namespace(), nothing, nothing, handshake)


def test_a_socket_whose_client_has_come_back_as_another_enters_no_room_any_more() -> None:
    """Its handlers may still run; it has the same id."""
    rooms, before, after = Rooms(), socket("a"), socket("a")
    rooms.add(before)
    rooms.remove(before)
    rooms.add(after)
    rooms.enter(before, "kitchen")
    assert list(rooms.select(["kitchen"])) == []
    rooms.enter(after, "kitchen")
    assert list(rooms.select(["kitchen"])) == [after]


def test_sockets_may_leave_while_those_selected_are_sent_to() -> None:
    rooms, sockets = Rooms(), [socket(name) for name in "abc"]
    for each in sockets:
        rooms.add(each)
    for rooms_asked in (None, "abc"):
        found: list[LocalSocket] = []
        for selected in rooms.select(rooms_asked):
            found.append(selected)
            rooms.remove(sockets[1])
        assert set(found) == set(rooms.select(rooms_asked)) | {sockets[1]}
        rooms.add(sockets[1])
