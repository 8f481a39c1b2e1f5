"""The namespace of staff: live events of the room, or of the queues, whose page is open.

Django's session authenticates, as in the admin. A watched room's id is the Socket.IO room that the watchers are in;
`conversations.announcements` emits to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from msgspec import Struct

from conversations.announcements import WATCHED
from conversations.configuration import ChatSettings
from conversations.errors import Forbidden
from conversations.sockets.acknowledgements import Done, Refused
from conversations.sockets.event_limits import LimitedNamespace
from conversations.sockets.refusals import explain
from conversations.storage.room_loader import load_room
from moderation.announcements import QUEUES, queue_changed
from moderation.errors import Code
from persistence.availability import is_outage
from persistence.mongodb import STORE_ERRORS
from socketio_bridge import ConnectionRefused, Handshake, Socket, TryAgainLater, event

logger = logging.getLogger(__name__)

PERMISSIONS = ("conversations.view_room", "conversations.view_message")
"""What it takes to read rooms."""

QUEUE_PERMISSIONS = ("moderation.view_report",)
"""What it takes to hear of the queues."""

RECHECK = 5.0
"""Seconds after which a session that has ended, or an account that may no longer read, is cut off at the latest."""


class Watch(Struct, kw_only=True):
    """The room to watch.

    Attributes:
        room_id: The room whose page is open.
    """

    room_id: str


class WatchQueues(Struct, kw_only=True):
    """All queues: there is nothing to choose."""


class StaffEvents(LimitedNamespace):
    """Rooms as staff watch them, for the admin's own pages. Signed in by Django's session; from pages of this host."""

    path = ChatSettings.current().STAFF_NAMESPACE
    emits = (*WATCHED, queue_changed)

    async def on_connect(self, socket: Socket) -> None:
        """Admit staff who may read rooms."""
        if not _is_own_page(socket.handshake):
            raise ConnectionRefused("Authentication Error", {"code": "forbidden_origin"})
        try:
            may_read = await _may(socket.handshake.scope, PERMISSIONS)
        except STORE_ERRORS as error:
            if is_outage(error):
                raise TryAgainLater("the session's store is away") from error
            raise
        if not may_read:
            raise ConnectionRefused("Authentication Error", {"code": "not_staff"})
        socket.data.check = asyncio.get_running_loop().create_task(_check_on(socket))

    def on_gap(self, since: float) -> None:
        """Have the pages connect again: they load the room anew then."""
        for socket in self.local_sockets():
            socket.reconnect()

    def save(self, socket: Socket) -> None:
        """Store nothing for recovery: who comes back is checked anew."""

    async def on_recover(self, socket: Socket, saved: None) -> None:
        """Do as `on_connect`."""
        await self.on_connect(socket)

    async def on_disconnect(self, socket: Socket, reason: str) -> None:
        """Stop checking the session."""
        socket.data.check.cancel()

    @event("watch")
    async def watch(self, socket: Socket, watch: Watch) -> Done:
        """Hear what happens in a room, and in no other."""
        await load_room(watch.room_id)
        for room in set(socket.rooms):
            await socket.leave_room(room)
        await socket.enter_room(watch.room_id)
        return Done()

    @event("watch_queues")
    async def watch_queues(self, socket: Socket, watch: WatchQueues) -> Done:
        """Hear what happens in the queues of reports and of held messages: `queue_changed`."""
        if not await _may(socket.handshake.scope, QUEUE_PERMISSIONS):
            raise Forbidden(Code.NOT_PERMITTED, "the queues are for staff who may see reports")
        await socket.enter_room(QUEUES)
        return Done()

    async def on_error(self, socket: Socket, event: str, arguments: Any, error: Exception) -> Refused:
        """Answer with the code and the message of a refusal."""
        return Refused(error=explain(event, error))


def _is_own_page(handshake: Handshake) -> bool:
    """Whether the browser says that the page is of this host: pages of ALLOWED_ORIGINS may use the chat, not the admin.

    For a JSONP request (`j`) the browser does not say whose page it is.
    """
    return not handshake.xdomain and "j" not in handshake.query


async def _check_on(socket: Socket) -> None:
    """Disconnect a socket whose session has ended, or may not hear any more what it hears.

    While MongoDB is away nobody is disconnected.
    """
    while True:
        await asyncio.sleep(RECHECK)
        try:
            of_queues = QUEUE_PERMISSIONS if QUEUES in socket.rooms else ()
            if await _may(socket.handshake.scope, (*PERMISSIONS, *of_queues)):
                continue
        except Exception as error:
            if is_outage(error):
                continue
            logger.warning("A staff socket's session could not be looked at; it is disconnected.", exc_info=True)
        await socket.disconnect()
        return


async def _may(scope: Mapping[str, Any], permissions: Collection[str]) -> bool:
    """Whether the session of a connection's cookie is now that of active staff with these permissions.

    Channels' own middleware reads it, for sockets of this namespace alone: those of the chat have no session.
    """
    users: list[User | AnonymousUser] = []

    async def take_user(scope: Mapping[str, Any], receive: object, send: object) -> None:
        users.append(scope["user"])

    await AuthMiddlewareStack(take_user)({**scope, "type": "websocket"}, None, None)
    is_allowed: bool = await database_sync_to_async(_is_allowed)(users[0], permissions)
    return is_allowed


def _is_allowed(user: User | AnonymousUser, permissions: Collection[str]) -> bool:
    return user.is_active and user.is_staff and user.has_perms(permissions)
