"""Identities that the project itself knows, from the ASGI scope of a connection or request: who is logged in, say.

`CONVERSATIONS["IDENTITY"]` names an async callable from a scope to `Claims`, or to None where nobody is known:

    async def customer(scope):
        user = scope["user"]
        return Claims(str(user.pk), frozenset({Role.BUYER}), math.inf) if user.is_authenticated else None
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from identity.authentication import Identity, require_agreement, side_of
from identity.claims import EITHER_ROLE, Claims
from identity.configuration import IdentitySettings
from identity.refusal import IdentityRefused

Scope: TypeAlias = Mapping[str, Any]
Identify: TypeAlias = Callable[[Scope], Awaitable[Claims | None]]


def scope_identity() -> Identify | None:
    """Return the callable that `IDENTITY` names; None: tokens prove identities.

    Raises:
        ImportError: There is no such callable.
    """
    path = IdentitySettings.current().IDENTITY
    return _imported(path) if path else None


@lru_cache
def _imported(path: str) -> Identify:
    found: Identify = import_string(path)
    return found


async def session_user(scope: Scope) -> Claims | None:
    """The user of Django's session, by the primary key, on either side of a room.

    When the session ends, `SOCKETIO["follow_session"]` puts the user's sockets out.

    Args:
        scope: With `user`, as `channels.auth.AuthMiddlewareStack` and Django's own middleware find it.

    Raises:
        ImproperlyConfigured: There is no such middleware.
    """
    if "user" not in scope:
        raise ImproperlyConfigured(
            "IDENTITY is 'identity.session_user', and no middleware looks for the user: "
            "wrap the ASGI application in channels.auth.AuthMiddlewareStack"
        )
    user = scope["user"]
    return Claims(str(user.pk), EITHER_ROLE, math.inf) if user.is_authenticated and user.is_active else None


async def identify(known_by: Identify, scope: Scope, user_id: str | int = "", role: str = "") -> Identity:
    """Find out whom a connection speaks for, and check that it is whom its handshake names.

    Args:
        known_by: What `scope_identity` returned.
        scope: The connection's.
        user_id: The user that the handshake names; empty: none.
        role: The side that the handshake names. It may be left out where the user has only one.

    Raises:
        IdentityRefused: `not_signed_in`, `role_invalid`, `user_mismatch`, `role_not_allowed`.
    """
    claims = await known_by(scope)
    if claims is None:
        raise IdentityRefused("not_signed_in", "nobody is signed in")
    side = side_of(role) if role or len(claims.roles) != 1 else next(iter(claims.roles))
    require_agreement(claims, str(user_id) or claims.user_id, side)
    return Identity(claims.user_id, side, "", claims.expires_at, claims.roles)
