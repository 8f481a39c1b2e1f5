"""From a handshake's token, user id and role to an identity: which mechanism checks a token, and what must agree.

A token in a JWT's form is checked with AUTH_JWT_KEY and AUTH_JWKS_URL, any other one by AUTH_INTROSPECTION_URL; where
only introspection is set, it checks every token. With none of the three the server trusts its own key alone, with which
`issue_token` signs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from identity.claims import EITHER_ROLE, Claims, Role
from identity.configuration import IdentitySettings
from identity.introspection import Introspection
from identity.jwks import KeySet
from identity.jwt_tokens import JWTVerifier, looks_like_jwt, sign, unverified_subject
from identity.keys import VerificationKey, parse_key
from identity.refusal import IdentityRefused, let_pass
from identity.server_keys import server_key
from persistence.per_event_loop import PerLoop

MAX_TOKEN_LENGTH = 16_384
"""Characters. Reading a token costs time in proportion, before anything is known of who sent it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a socket speaks for.

    Attributes:
        user_id: The user.
        role: The side that the user is on.
        token: The token that proved it. It is kept out of `repr`.
        expires_at: When the token expires, in unix seconds; infinite where AUTH_MODE=report let an unproven user pass.
        roles: The sides that the token may speak for, `role` among them.
    """

    user_id: str
    role: Role
    token: str = field(repr=False)
    expires_at: float
    roles: frozenset[Role]


class NoSigningKey(Exception):
    """There is no key to sign tokens with: another service issues them."""


def _verification_key(settings: IdentitySettings) -> VerificationKey | None:
    if settings.AUTH_JWT_KEY:
        return parse_key(settings.AUTH_JWT_KEY)
    if settings.AUTH_JWKS_URL or settings.AUTH_INTROSPECTION_URL:
        return None
    return VerificationKey.secret(server_key("jwt_key").encode())


class _Mechanisms:
    """The mechanisms that check tokens under the same settings, with the keys and answers that they keep."""

    def __init__(self, settings: IdentitySettings) -> None:
        self.settings = settings
        key = _verification_key(settings)
        key_set = KeySet(settings.AUTH_JWKS_URL) if settings.AUTH_JWKS_URL else None
        self._any: JWTVerifier | Introspection = JWTVerifier(
            key, key_set, issuer=settings.AUTH_JWT_ISSUER, audience=settings.AUTH_JWT_AUDIENCE
        )
        self._opaque: Introspection | None = None
        if settings.AUTH_INTROSPECTION_URL:
            self._opaque = Introspection(settings.AUTH_INTROSPECTION_URL)
            if key is None and key_set is None:
                self._any = self._opaque

    async def verify(self, token: str) -> Claims:
        if self._opaque is not None and not looks_like_jwt(token):
            return await self._opaque.verify(token)
        return await self._any.verify(token)


_mechanisms = PerLoop(lambda: _Mechanisms(IdentitySettings.current()))


def _current_mechanisms() -> _Mechanisms:
    found = _mechanisms.get()
    if found.settings != IdentitySettings.current():
        _mechanisms.forget()
        found = _mechanisms.get()
    return found


async def verify_token(token: str, claimed_user_id: str = "") -> Claims:
    """Find out whose token it is. For callers that need not pass a user id beside it, such as REST.

    Args:
        token: The token.
        claimed_user_id: The user that the caller claims to be, if it says so. Only AUTH_MODE=report reads it: it lets
            pass a caller who cannot prove it, as this user, or as the one that the token names.

    Returns:
        The user, the roles, and the time of expiry.

    Raises:
        IdentityRefused: `token_missing`, `token_invalid`, `token_expired`, `identity_unavailable`.
    """
    try:
        claims = await _verified(token)
        if not claimed_user_id or claims.user_id == claimed_user_id:
            return claims
        refusal = _mismatch(claimed_user_id)
    except IdentityRefused as refused:
        claims, refusal = None, refused
    user_id = claimed_user_id or unverified_subject(token)
    if refusal.code != "token_missing" and user_id and let_pass(refusal, user_id):
        return Claims(user_id, EITHER_ROLE, math.inf)
    if claims is None:
        raise refusal
    return claims


async def _verified(token: str) -> Claims:
    if not isinstance(token, str) or not token.strip():
        raise IdentityRefused("token_missing", "there is no token; pass one as 'token'")
    if len(token) > MAX_TOKEN_LENGTH:
        raise IdentityRefused(
            "token_invalid", f"the token has {len(token)} characters; at most {MAX_TOKEN_LENGTH} are read"
        )
    return await _current_mechanisms().verify(token.strip())


async def authenticate(token: str, user_id: str | int, role: str) -> Identity:
    """Check that a handshake's token proves the user and the side that the handshake claims.

    Args:
        token: The token.
        user_id: The user's id. New clients send JSON, in which ids are sometimes numbers.
        role: "BUYER" or "SELLER", exactly.

    Returns:
        The identity.

    Raises:
        IdentityRefused: In this order: `token_missing`; `role_invalid`; those of `verify_token`; `user_mismatch` where
            `user_id` is not the token's `sub`; `role_not_allowed` where the token names roles and not this one. Under
            AUTH_MODE=report only the first two, and `user_mismatch` for an empty `user_id`.
    """
    if not isinstance(token, str) or not token.strip():
        raise IdentityRefused("token_missing", "there is no token; pass one as 'token'")
    side = side_of(role)
    if isinstance(user_id, int):  # new clients' auth payload is JSON, in which ids are numbers at times
        user_id = str(user_id)
    try:
        claims = await _verified(token)
        require_agreement(claims, user_id, side)
    except IdentityRefused as refusal:
        if not (isinstance(user_id, str) and user_id.strip() and let_pass(refusal, user_id, side)):
            raise
        return Identity(user_id, side, token.strip(), math.inf, EITHER_ROLE)
    return Identity(claims.user_id, side, token.strip(), claims.expires_at, claims.roles)


def require_agreement(claims: Claims, user_id: str, side: Role) -> None:
    """Check that a handshake's user and side are what its proof says.

    Raises:
        IdentityRefused: `user_mismatch`, `role_not_allowed`.
    """
    if user_id != claims.user_id:
        raise _mismatch(user_id)
    if side not in claims.roles:
        allowed = " or ".join(sorted(claims.roles)) or "with none"
        raise IdentityRefused("role_not_allowed", f"the token does not allow user_role {side}; it allows {allowed}")


def _mismatch(user_id: str) -> IdentityRefused:
    problem = f"user_id {_short(user_id)} is not the token's user" if user_id else "user_id is missing"
    return IdentityRefused("user_mismatch", f"{problem}; it must be the token's sub")


def issue_token(user_id: str, role: Role | None, ttl: int) -> str:
    """Sign a token that this server accepts, with the HS256 secret in AUTH_JWT_KEY, or with the server's own key.

    Args:
        user_id: The user.
        role: The side that the token may speak for; None: either.
        ttl: Seconds until it expires.

    Returns:
        The token, a JWT.

    Raises:
        NoSigningKey: The settings name only keys of other services.
        ValueError: `user_id` is empty, or `ttl` is not positive.
    """
    if not user_id.strip():
        raise ValueError("user_id is empty; a token needs a user")
    if ttl <= 0:
        raise ValueError(f"ttl is {ttl} s; it must be positive")
    settings = IdentitySettings.current()
    key = _verification_key(settings)
    if key is None or not key.is_secret:
        raise NoSigningKey(
            "tokens come from your identity provider (AUTH_JWT_KEY is a public key, or AUTH_JWKS_URL or "
            "AUTH_INTROSPECTION_URL is set); unset these, or set AUTH_JWT_KEY to an HS256 secret"
        )
    claims: dict[str, Any] = {"sub": user_id}
    if role is not None:
        claims["role"] = role.value
    if settings.AUTH_JWT_ISSUER:
        claims["iss"] = settings.AUTH_JWT_ISSUER
    if settings.AUTH_JWT_AUDIENCE:
        claims["aud"] = settings.AUTH_JWT_AUDIENCE
    return sign(key.material, claims, ttl)


def side_of(role: Any) -> Role:
    """Read the side that a handshake names, in the words of ROLES.

    Raises:
        IdentityRefused: `role_invalid`.
    """
    try:
        return Role(IdentitySettings.current().ROLES.get(role, role) if isinstance(role, str) else role)
    except ValueError:
        given = f"user_role {_short(role)} is unknown" if role else "user_role is missing"
        raise IdentityRefused("role_invalid", f"{given}; it must be BUYER or SELLER") from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
