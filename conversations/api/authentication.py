"""Authentication of REST calls: the bearer of a token that `identity` finds genuine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from asgiref.sync import async_to_sync
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from conversations.api.bodies import inputs_of
from conversations.api.refusals import Unavailable
from conversations.errors import Code, RuleViolation
from conversations.policies import require_admitted
from conversations.sockets.event_limits import proving
from identity import AuthMode, Claims, IdentityRefused, Role, let_pass, verify_token
from identity.configuration import IdentitySettings


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
    return cast("Caller | None", request.user)


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
        token = (
            request.headers.get(IdentitySettings.current().AUTH_TOKEN_HEADER, "")
            if IdentitySettings.current().AUTH_TOKEN_HEADER
            else ""
        )
        return _bearer(request, token) if token.strip() else None


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
