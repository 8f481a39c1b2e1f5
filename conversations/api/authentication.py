"""Authentication of REST calls: the bearer of a token that `identity` finds genuine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from conversations.api.bodies import inputs_of
from conversations.api.refusals import Unavailable
from conversations.errors import Code, RuleViolation
from conversations.policies import require_admitted
from conversations.sockets.event_limits import proving
from identity import AuthMode, Claims, IdentityRefused, Role, let_pass, scope_identity, verify_token
from identity.configuration import IdentitySettings
from identity.scopes import Identify


@dataclass(frozen=True, slots=True)
class Caller:
    """`request.user`: the user whose token it is. An `Actor` for the services.

    Attributes:
        user_id: The user.
        roles: The sides that the token may speak for.
    """

    user_id: str
    roles: frozenset[Role]

    is_authenticated = True

    def side(self, asked: Role | None) -> Role:
        """Return the side that a list is about: the one asked for, else the only one that the token allows.

        Args:
            asked: The side that the request names; None: it names none.

        Raises:
            RuleViolation: `validation_failed`: the token allows both sides, and none was asked for.
        """
        if asked is not None:
            return asked
        if len(self.roles) > 1:
            raise RuleViolation(
                Code.VALIDATION_FAILED, "`role` is missing: the token allows both, so it must be BUYER or SELLER"
            )
        return next(iter(self.roles))


def caller_of(request: Request) -> Caller | None:
    """Return the authenticated caller; None: the request has no token.

    Raises what the authentication classes raise, which it may be the first to run.
    """
    user: Any = request.user
    return user if isinstance(user, Caller) else None


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer …` (RFC 6750, section 2.1)."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        """Return the caller and the token; None: the request has no such header."""
        scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
        return _bearer(request, token) if scheme.lower() == "bearer" else None

    def authenticate_header(self, request: Request) -> str:
        """What a 401 answer asks for."""
        return "Bearer"


class HeaderToken(BaseAuthentication):
    """The bare token in the header that AUTH_TOKEN_HEADER names."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        """Return the caller and the token; None: the request has no such header."""
        header = IdentitySettings.current().AUTH_TOKEN_HEADER
        token = request.headers.get(header, "") if header else ""
        return _bearer(request, token) if token.strip() else None


class ProjectUser(BaseAuthentication):
    """Whom the project itself knows, as IDENTITY says. With a session's cookie Django's CSRF token must come, too."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        """Return the caller; None: nobody is known."""
        known_by = scope_identity()
        user: Any = getattr(request._request, "user", None)  # noqa: SLF001  (`request.user` would ask this class)
        if user is not None:
            user.is_authenticated  # noqa: B018  (a lazy one is read here, where the store may be waited for)
        scope = {**getattr(request, "scope", {}), "user": user}
        claims = None if known_by is None else async_to_sync(_known)(known_by, scope)
        if claims is None:
            return None
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            SessionAuthentication().enforce_csrf(request)
        return Caller(claims.user_id, claims.roles), ""

    def authenticate_header(self, request: Request) -> str:
        """What a 401 answer asks for; without it the answer would be 403."""
        return "Session"


async def _known(known_by: Identify, scope: Mapping[str, Any]) -> Claims | None:
    claims = await known_by(scope)
    if claims is not None:
        await require_admitted(claims.user_id)
    return claims


def _bearer(request: Request, token: str) -> tuple[Caller, str]:
    try:
        claims = async_to_sync(_admitted)(token, _claimed(request), request.META.get("REMOTE_ADDR") or "")
    except IdentityRefused as refusal:
        if refusal.code == "identity_unavailable":
            raise Unavailable(refusal.message, refusal.code) from None
        raise AuthenticationFailed(refusal.message, refusal.code) from None
    if claims.roles:
        return Caller(claims.user_id, claims.roles), token
    no_role = IdentityRefused("role_not_allowed", "the token allows neither BUYER nor SELLER")
    if let_pass(no_role, claims.user_id):
        return Caller(claims.user_id, frozenset(Role)), token
    raise no_role


async def _admitted(token: str, claimed_user_id: str, address: str) -> Claims:
    async with proving(address):
        claims = await verify_token(token, claimed_user_id)
    await require_admitted(claims.user_id)
    return claims


def _claimed(request: Request) -> str:
    """The user that a request names, as whom AUTH_MODE=report lets it pass; `enforce` reads the token alone."""
    user_id = inputs_of(request).get("user_id") if IdentitySettings.current().AUTH_MODE == AuthMode.REPORT else None
    return "" if user_id is None else str(user_id)
