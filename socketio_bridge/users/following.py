"""Following Django's users: who logs out, or may not be in any more, is put out on every process.

Django's signals say what changes, in whatever process it does (`socketio_bridge.users.receivers`); all processes
that serve sockets are told, and each looks at those of its own. What no signal says, such as `QuerySet.update` or a
session that is deleted in its store, is found at the next look at all of them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias, cast
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from django.apps import apps
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from socketio_bridge.adapter.adapter import Adapter, find_adapter
from socketio_bridge.adapter.external_emitter import notify_everywhere
from socketio_bridge.exceptions import ConnectionRefused, EventRefused, TryAgainLater
from socketio_bridge.handshake import user_id_of
from socketio_bridge.sockets.socket import Socket
from socketio_bridge.users.guards import Claim, Permission, require_permission

logger = logging.getLogger(__name__)

Lapse: TypeAlias = Literal["session_ended", "password_changed", "user_inactive", "permission_lost"]
"""Why a socket's user may not be in any more."""

RECHECK = 30.0
"""Seconds between two looks at all sockets."""
GATHER = 0.2
"""Seconds within which changes of several users are looked at together."""

_CHANGED = "users_changed"
_ENDED = "session_ended"
_OUT = "disconnect_user"
_BATCH = 100  # sockets that one turn of the thread for databases looks at: views wait for no more
_HOOK_TIMEOUT = 5.0


class Followed(Protocol):
    """What a namespace says of its users: `socketio_bridge.namespace.Namespace`, which documents it."""

    permission: Any

    async def on_session_end(self, socket: Socket, reason: Lapse) -> None:
        """A socket's user may not be in any more."""


class _Stored(NamedTuple):
    """A session as its store has it; `expires`: a Unix time, None where the store does not say."""

    data: Mapping[str, Any]
    expires: float | None


_followings: WeakKeyDictionary[Adapter, Following] = WeakKeyDictionary()


async def disconnect_user(user: Any, *, close: bool = False) -> None:
    """Disconnect all sockets of a user, in all namespaces, on every process.

        await disconnect_user(request.user)

    Args:
        user: A Django user, or the primary key of one. Sockets are theirs by `Socket.user`.
        close: Whether to close the connections, too.
    """
    user_id = user_id_of(user) if hasattr(user, "is_authenticated") else str(user)
    if user_id is not None:
        await notify_everywhere(_OUT, (user_id, close))


def disconnect_user_sync(user: Any, *, close: bool = False) -> None:
    """`disconnect_user` for synchronous code, such as views; its arguments are the same.

    Raises:
        RuntimeError: An event loop runs in the calling thread. Await `disconnect_user` there.
    """
    async_to_sync(disconnect_user)(user, close=close)


def report_changed(*user_ids: str) -> None:
    """Have all processes look at the sockets of users, by their primary keys as text; without any, at all sockets."""
    _report(_CHANGED, list(user_ids))


def report_ended(session_key: str) -> None:
    """Have all processes put out the sockets of a session."""
    _report(_ENDED, session_key)


def _report(kind: str, body: Any) -> None:
    try:
        async_to_sync(notify_everywhere)(kind, body)
    except Exception as error:  # what is reported has happened, and must not fail for it
        logger.warning("Other processes learn within %g s only that %s: %r", RECHECK, kind.replace("_", " "), error)


def serve(adapter: Adapter, *, follow_session: bool) -> None:
    """Have an adapter disconnect users as other processes say; with `follow_session` it follows them, too.

    Raises:
        ImproperlyConfigured: It is to follow them, and no process would report what changes.
    """
    if follow_session:
        _require_reports()

    def disconnect(asker: str, body: tuple[str, bool]) -> None:
        user_id, close = body
        for socket in adapter.all_sockets():
            if user_id_of(socket.user) == user_id:
                socket.put_out(close=close)

    adapter.cluster.on_request(_OUT, disconnect, takes=tuple[str, bool])
    if follow_session and adapter not in _followings:
        _followings[adapter] = Following(adapter)


def are_followed() -> bool:
    """Whether the processes of this project follow users, so that each reports what changes."""
    return bool(getattr(settings, "SOCKETIO", {}).get("follow_session"))


def _require_reports() -> None:
    if not apps.is_installed("socketio_bridge"):
        raise ImproperlyConfigured(
            'follow_session needs "socketio_bridge" in INSTALLED_APPS: the app listens to Django\'s signals of users.'
        )
    if not are_followed():
        raise ImproperlyConfigured(
            "follow_session is among a server's own options alone: it must be in settings.SOCKETIO, by which all "
            "processes report what changes."
        )


def stop(adapter: Adapter) -> None:
    """Follow no more."""
    following = _followings.pop(adapter, None)
    if following is not None:
        following.stop()


async def admit(socket: Socket, permission: Permission | None) -> None:
    """Let a client into a namespace, if its session is one now and its user has the permission.

    Raises:
        ConnectionRefused: It does not. `data` has the `code`: `session_ended`, `not_authenticated` or
            `permission_denied`.
        TryAgainLater: The database is away.
    """
    adapter = find_adapter()
    following = None if adapter is None else _followings.get(adapter)
    try:
        if following is not None and user_id_of(socket.user) is not None and await following.look([socket]):
            raise ConnectionRefused("Log in again", {"code": "session_ended"})
        if permission is not None:
            claim = Claim(socket.user, socket.handshake, socket.handlers)
            await database_sync_to_async(require_permission)(permission, claim)
    except EventRefused as refusal:
        raise ConnectionRefused(refusal.message, {"code": refusal.code}) from refusal
    except (OperationalError, InterfaceError) as error:
        raise TryAgainLater("the database is away") from error


class Following:
    """Looks at the sockets of one process whose users have changed, whose sessions expire, and now and then at all."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._changed: set[str] = set()
        self._expires: dict[str, float] = {}  # by session key: a Unix time
        self._all_due = 0.0  # when to look at all, in `time.monotonic`
        self._wake = asyncio.Event()
        self._failed = False
        adapter.cluster.on_request(_CHANGED, self._take_changed, takes=list[str])
        adapter.cluster.on_request(_ENDED, self._take_ended, takes=str)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._ending: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Follow no more."""
        self._task.cancel()

    async def look(self, sockets: Sequence[Socket]) -> dict[Socket, Lapse]:
        """Find those of some sockets whose users may not be in any more, permissions of namespaces aside."""
        lapsed: dict[Socket, Lapse]
        lapsed, expires = await database_sync_to_async(_find_lapsed)(sockets)
        for key, at in expires.items():
            if at is not None and at != self._expires.get(key):
                self._expires[key] = at
                self._wake.set()
        return lapsed

    def _take_changed(self, asker: str, user_ids: list[str]) -> None:
        if not user_ids:
            self._all_due = 0.0
        self._changed.update(user_ids)
        self._wake.set()

    def _take_ended(self, asker: str, session_key: str) -> None:
        for socket in self._sockets():
            if _session_key(socket) == session_key:
                self._end(socket, "session_ended")

    def _sockets(self) -> list[Socket]:
        sockets = cast(Iterable[Socket], self._adapter.all_sockets())
        return [socket for socket in sockets if user_id_of(socket.user) is not None]

    async def _run(self) -> None:
        self._all_due = time.monotonic() + RECHECK
        while True:
            until = min([self._all_due - time.monotonic(), *(at - time.time() for at in self._expires.values())])
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, until)):
                    await self._wake.wait()
            await asyncio.sleep(GATHER)
            self._wake.clear()
            try:
                await self._look_at_due()
                self._failed = False
            except Exception:
                if not self._failed:
                    logger.exception("Sessions cannot be looked at: nobody is put out meanwhile.")
                self._failed = True
                self._all_due = time.monotonic() + RECHECK

    async def _look_at_due(self) -> None:
        all_due = time.monotonic() >= self._all_due
        changed, self._changed = self._changed, set()
        now = time.time()
        expired = {key for key, at in self._expires.items() if at <= now}
        for key in expired:
            del self._expires[key]
        sockets = self._sockets()
        if all_due:
            self._all_due = time.monotonic() + RECHECK
            self._expires = {key: at for key in map(_session_key, sockets) if (at := self._expires.get(key))}
        else:
            sockets = [s for s in sockets if user_id_of(s.user) in changed or _session_key(s) in expired]
        if not (all_due or changed or expired):
            return
        for start in range(0, len(sockets), _BATCH):
            batch = sockets[start : start + _BATCH]
            lapsed = await self.look(batch)
            lapsed |= await database_sync_to_async(_find_not_permitted)([s for s in batch if s not in lapsed])
            for socket, reason in lapsed.items():
                self._end(socket, reason)

    def _end(self, socket: Socket, reason: Lapse) -> None:
        task = asyncio.get_running_loop().create_task(_call_hook(socket, reason))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


async def _call_hook(socket: Socket, reason: Lapse) -> None:
    try:
        async with asyncio.timeout(_HOOK_TIMEOUT):
            await cast(Followed, socket.handlers).on_session_end(socket, reason)
    except Exception:
        logger.exception("on_session_end of %s failed: the socket is disconnected.", socket.namespace)
        socket.put_out()


def _session_key(socket: Socket) -> str:
    """The key of the session by which a socket's user logged in; empty where it was another way."""
    session = socket.handshake.scope.get("session")
    return "" if session is None or user_id_of(socket.user) != socket.handshake.user_id else session.session_key or ""


def _find_lapsed(sockets: Sequence[Socket]) -> tuple[dict[Socket, Lapse], dict[str, float | None]]:
    """Find the sockets whose users may not be in any more, and when the sessions of the others expire. Blocks."""
    model: Any = get_user_model()
    of_model = [socket for socket in sockets if isinstance(socket.user, model)]
    users = model._default_manager.in_bulk({socket.user.pk for socket in of_model})
    sessions = _stored({key for socket in of_model if (key := _session_key(socket))})
    lapsed: dict[Socket, Lapse] = {}
    for socket in of_model:
        key = _session_key(socket)
        lapse = _lapse(users.get(socket.user.pk), sessions.get(key) if key else None, by_session=bool(key))
        if lapse is not None:
            lapsed[socket] = lapse
    return lapsed, {key: session.expires for key, session in sessions.items()}


def _lapse(user: Any, session: _Stored | None, *, by_session: bool) -> Lapse | None:
    if user is None or not getattr(user, "is_active", True):
        return "user_inactive"
    if not by_session:
        return None
    if session is None:
        return "session_ended"
    if not hasattr(user, "get_session_auth_hash"):
        return None
    given = session.data.get(HASH_SESSION_KEY, "")
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    # As `django.contrib.auth.get_user` has it.
    return None if any(constant_time_compare(given, each) for each in known) else "password_changed"


def _find_not_permitted(sockets: Sequence[Socket]) -> dict[Socket, Lapse]:
    """Find the sockets that are in namespaces for whose permission their users lack now. Blocks."""
    lapsed: dict[Socket, Lapse] = {}
    for socket in sockets:
        permission = cast(Followed, socket.handlers).permission
        try:
            if permission is not None:
                require_permission(permission, Claim(socket.user, socket.handshake, socket.handlers))
        except EventRefused:
            lapsed[socket] = "permission_lost"
    return lapsed


def _stored(keys: Collection[str]) -> dict[str, _Stored]:
    """Read sessions in their store; those that have ended are left out. Blocks."""
    engine: Any = import_module(settings.SESSION_ENGINE).SessionStore
    if not keys:
        return {}
    if hasattr(engine, "get_model_class"):
        rows = engine.get_model_class().objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        return {row.session_key: _Stored(row.get_decoded(), _timestamp(row.expire_date)) for row in rows}
    loaded = {key: engine(key).load() for key in keys}
    return {key: _Stored(data, None) for key, data in loaded.items() if data}


def _timestamp(instant: datetime) -> float:
    return (instant if timezone.is_aware(instant) else timezone.make_aware(instant)).timestamp()
