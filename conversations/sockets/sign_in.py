"""The user whom a socket speaks for, from its connection to its end: the user's room, presence, and the token's expiry.

`socket.data.identity` is the identity that handlers act for. Presence knows a socket by `socket.data.presence_id`, not
by its id: a client 2.x that leaves the namespace and comes back has its old id again, maybe before the old socket is
gone.
`socket.data.heard_from` is the instant (`time.monotonic()`) from which the socket hears what its user does.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from conversations.sockets.reannouncing import reannouncing
from identity import Identity, IdentityRefused, let_pass
from presence import current as current_presence
from socketio_bridge import Socket

logger = logging.getLogger(__name__)

_LONGEST_TIMER = 24 * 3600.0  # seconds: a token may outlive what an event loop's timer can count

_announcements: set[asyncio.Future[None]] = set()


async def sign_in(socket: Socket, identity: Identity) -> None:
    """Let a new socket speak for an identity: it joins the user's room, enters presence, and is disconnected at expiry.

    The user's devices get `active_user_list`. If the user was offline, the other sides of their rooms get
    `user_status_change`.

    Args:
        socket: The socket.
        identity: Whom it speaks for.
    """
    socket.data.identity = identity
    socket.data.presence_id = secrets.token_hex(8)
    _expire_in_time(socket)
    await socket.enter_room(identity.user_id)
    try:
        came_online = await current_presence().enter(identity.user_id, socket.data.presence_id)
    except BaseException:  # or it would stay online: who was not let in is not signed out
        await sign_out(socket)
        raise
    reannouncer = reannouncing.get()
    reannouncer.signed_in(socket.data.presence_id, identity, socket.data.heard_from)
    _in_background(reannouncer.list_users(identity, socket.data.heard_from))
    if came_online:
        _in_background(reannouncer.announce(identity.user_id))


async def renew(socket: Socket, identity: Identity) -> None:
    """Let a socket speak for an identity from now on.

    Args:
        socket: A socket that was signed in.
        identity: The same user with a new token, or another user.
    """
    if socket.data.identity.user_id != identity.user_id:
        await socket.leave_room(socket.data.identity.user_id)
        await sign_out(socket)
        await sign_in(socket, identity)
        return
    socket.data.identity = identity
    _expire_in_time(socket)


async def sign_out(socket: Socket, *, returns: bool = False) -> None:
    """Take a socket out of presence. If it was the user's last one, the others get `user_status_change`.

    Args:
        socket: A socket that was signed in.
        returns: Whether its process stops, and its client is expected at another one. Nobody is told then that the user
            is offline, unless the client does not come (`Presence.stop`).
    """
    socket.data.expiry.cancel()
    user_id = socket.data.identity.user_id
    reannouncing.get().signed_out(socket.data.presence_id)
    if not returns and await current_presence().leave(user_id, socket.data.presence_id):
        _in_background(reannouncing.get().announce(user_id))


async def announced() -> None:
    """Wait until all announcements that were under way when this was called are out, and give up later ones."""
    if _announcements:
        await asyncio.wait(_announcements)
    if (later := reannouncing.forget()) is not None:
        later.stop()


def _expire_in_time(socket: Socket) -> None:
    previous: asyncio.TimerHandle | None = getattr(socket.data, "expiry", None)
    if previous is not None:
        previous.cancel()
    left = socket.data.identity.expires_at - time.time()
    socket.data.expiry = asyncio.get_running_loop().call_later(min(max(left, 0.0), _LONGEST_TIMER), _expire, socket)


def _expire(socket: Socket) -> None:
    if socket.data.identity.expires_at > time.time():
        _expire_in_time(socket)
        return
    identity = socket.data.identity
    if let_pass(
        IdentityRefused("token_expired", "the token of a live socket expired"), identity.user_id, identity.role
    ):
        return
    logger.info("The token of user %s has expired; their socket is disconnected.", identity.user_id)
    _in_background(asyncio.get_running_loop().create_task(socket.disconnect()))


def _in_background(announcement: asyncio.Future[None]) -> None:
    """Announce without making this socket wait."""
    _announcements.add(announcement)
    announcement.add_done_callback(_announcements.discard)
