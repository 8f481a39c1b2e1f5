"""Guards: who may send an event or be in a namespace, and how often, in Django's words."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from channels.db import database_sync_to_async
from django.db.models import Model
from django.http import HttpRequest, QueryDict

from socketio_bridge.exceptions import EventRefused
from socketio_bridge.handshake import Handshake, user_id_of
from socketio_bridge.rates import Buckets, Rate
from socketio_bridge.sockets.socket import Socket


class HasPermission(Protocol):
    """What Django REST framework calls a permission."""

    def has_permission(self, request: Any, view: Any) -> bool:
        """Whether the request is permitted."""


Permission: TypeAlias = str | Callable[[], HasPermission]
"""A permission of Django by its name, `"orders.cancel_order"`, or a permission class of Django REST framework, also one
that is composed of others (`IsAdminUser | IsOwner`).

A permission class is asked as for a POST. Its `request` is Django's `HttpRequest` of the handshake, with `user`, `auth`
(the handshake's), `session` and the name of the `event`; its `view` is the namespace. It is asked in a thread.
"""


class Claim(NamedTuple):
    """A client and what it wants to do; `event` is empty where it wants to be in the namespace."""

    user: Any
    handshake: Handshake
    namespace: Any
    event: str = ""


class Guard:
    """Refuses events of those who have no permission, and those that are too many.

    Args:
        permission: What the client's user must have; None: nothing.
        rate: How often a user may send the event, counted in each process by itself; where nobody has logged in, each
            socket. None: as often as they like.

    Raises:
        ValueError: The rate is none.
    """

    def __init__(self, permission: Permission | None, rate: str | None) -> None:
        self._permission = permission
        self._rate = rate
        self._buckets = None if rate is None else Buckets(Rate.read(rate))

    @property
    def codes(self) -> list[str]:
        """The codes with which it refuses, beside those of permission classes."""
        of_permission = ["not_authenticated", "permission_denied"] if self._permission is not None else []
        return of_permission + (["rate_limited"] if self._buckets is not None else [])

    async def check(self, socket: Socket, namespace: Any, event: str) -> None:
        """Refuse an event, or do nothing.

        Raises:
            EventRefused: `rate_limited`, `not_authenticated` or `permission_denied`.
        """
        if self._buckets is not None:
            wait = self._buckets.take(user_id_of(socket.user) or socket.id, time.monotonic())
            if wait:
                seconds = max(1, math.ceil(wait))
                text = f"more than {self._rate} of {event!r}: try again in {seconds} s"
                raise EventRefused("rate_limited", text, retry_after=seconds)
        if self._permission is not None:
            claim = Claim(socket.user, socket.handshake, namespace, event)
            await database_sync_to_async(require_permission)(self._permission, claim)


def require_permission(permission: Permission, claim: Claim) -> None:
    """Refuse a client without a permission. The user and the permissions are read anew: what was taken away is gone.

    Raises:
        EventRefused: `not_authenticated` where nobody has logged in, else `permission_denied`.
    """
    user = current(claim.user)
    if isinstance(permission, str):
        denied = None if user is not None and user.has_perm(permission) else f"this needs the permission {permission}"
        code = "permission_denied"
    else:
        asked = permission()
        granted = asked.has_permission(_request(claim, user), claim.namespace)
        denied = None if granted else str(getattr(asked, "message", None) or "you may not do this")
        code = getattr(asked, "code", None) or "permission_denied"
    if denied is not None:
        if user is None:
            raise EventRefused("not_authenticated", "log in first")
        raise EventRefused(code, denied)


def current(user: Any) -> Any:
    """Read a user anew. Blocks.

    Returns:
        The user as the database has it; None where nobody has logged in, or the account is gone or inactive.
    """
    if user_id_of(user) is None:
        return None
    if isinstance(user, Model):
        user = user.__class__._default_manager.filter(pk=user.pk).first()
    return user if user is not None and getattr(user, "is_active", True) else None


def _request(claim: Claim, user: Any) -> HttpRequest:
    from django.contrib.auth.models import AnonymousUser  # a model, which exists where the app is installed

    handshake = claim.handshake
    request = HttpRequest()
    request.method = "POST"
    request.path = request.path_info = handshake.url.partition("?")[0]
    # As in Django, none with an underscore: who sends X_Real_IP must not pass for a proxy that sets X-Real-IP.
    headers = [(name, value) for name, value in handshake.headers.items() if "_" not in name]
    request.META = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers}
    request.META["REMOTE_ADDR"] = handshake.address
    request.GET = QueryDict(handshake.url.partition("?")[2])
    request.COOKIES = dict(handshake.scope.get("cookies", {}))
    request.user = AnonymousUser() if user is None else user
    own = {"auth": handshake.auth, "session": handshake.scope.get("session"), "event": claim.event}
    vars(request).update(own)
    return request
