"""JSON Web Tokens: checking them with a configured key and a published key set, and signing our own."""

from __future__ import annotations

import math
import time
from typing import Any

import jwt

from identity.claims import Claims
from identity.jwks import KeySet
from identity.keys import SECRET_ALGORITHM, VerificationKey
from identity.refusal import IdentityRefused
from identity.token_cache import TokenCache, digest_of

CLOCK_SKEW = 10.0
"""Seconds that the issuer's clock may be ahead of ours before `nbf` holds a token back."""

_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError)


def looks_like_jwt(token: str) -> bool:
    """Whether the token has a JWT's form (three parts, a JSON header), be it genuine or not."""
    if token.count(".") != 2:
        return False
    try:
        jwt.get_unverified_header(token)
    except _UNREADABLE:
        return False
    return True


def unverified_subject(token: str) -> str:
    """The user that a JWT names, be it genuine or not; empty where it names none or is no JWT."""
    try:
        subject = jwt.decode(token, options={"verify_signature": False}).get("sub")
    except _UNREADABLE:
        return ""
    return str(subject).strip() if isinstance(subject, str | int) else ""


class JWTVerifier:
    """Checks JWTs with a configured key, a published key set, or both. For one event loop.

    A token that was found genuine is not checked again until the key set is fetched anew; that it is current is checked
    each time. A token that was refused is checked each time.

    Args:
        key: AUTH_JWT_KEY, or the server's own; None: there is none.
        key_set: The key set at AUTH_JWKS_URL; None: there is none.
        issuer: What a token's `iss` must be; empty: anything.
        audience: What a token's `aud` must include; empty: anything.
    """

    def __init__(
        self, key: VerificationKey | None, key_set: KeySet | None = None, *, issuer: str = "", audience: str = ""
    ) -> None:
        self._key = key
        self._key_set = key_set
        self._issuer = issuer
        self._audience = audience
        self._genuine: TokenCache[Claims] = TokenCache()
        self._genuine_as_of = 0  # by the key set's count of fetches

    async def verify(self, token: str) -> Claims:
        """Return the claims of a genuine, current token. Waits for nothing but a key set.

        Raises:
            IdentityRefused: `token_invalid`, `token_expired`, `identity_unavailable`.
        """
        digest = digest_of(token)
        self._forget_what_other_keys_proved()
        claims = self._genuine.get(digest)
        if claims is None:
            claims = Claims.read(await self._decoded(token))
            self._forget_what_other_keys_proved()  # the token's own may have come meanwhile
            self._genuine.put(digest, claims, math.inf)
        claims.require_current()
        return claims

    def _forget_what_other_keys_proved(self) -> None:
        if self._key_set is not None:
            self._key_set.keep()
            if self._key_set.fetches != self._genuine_as_of:
                self._genuine.clear()
                self._genuine_as_of = self._key_set.fetches

    async def _decoded(self, token: str) -> dict[str, Any]:
        """The claims of a genuine token."""
        if self._key is not None and (genuine := self._try([self._key], token)) is not None:
            return genuine
        try:
            header = jwt.get_unverified_header(token)
        except _UNREADABLE:
            raise IdentityRefused("token_invalid", "the token is not a JWT; send one issued for this server") from None
        genuine = None if self._key_set is None else await self._try_published(self._key_set, token, header)
        if genuine is None:
            raise IdentityRefused(
                "token_invalid", "the token's signature or algorithm fits no key of this server; send one issued for it"
            )
        return genuine

    async def _try_published(self, key_set: KeySet, token: str, header: dict[str, Any]) -> dict[str, Any] | None:
        algorithm, kid = str(header.get("alg")), header.get("kid")
        genuine = self._try(await key_set.candidates(kid, algorithm), token)
        if genuine is None and kid is None and await key_set.refresh():
            # A set without key ids may have been rotated without any name to show for it.
            genuine = self._try(await key_set.candidates(kid, algorithm), token)
        return genuine

    def _try(self, keys: list[VerificationKey], token: str) -> dict[str, Any] | None:
        """The claims, if one of the keys signed the token. A genuine token that is not valid here or now raises."""
        for key in keys:
            try:
                return self._decode(token, key)
            except jwt.InvalidAudienceError:
                problem = f"the token is for another audience; its aud must include {self._audience!r}"
            except jwt.InvalidIssuerError:
                problem = f"the token is of another issuer; its iss must be {self._issuer!r}"
            except jwt.MissingRequiredClaimError as error:
                problem = f"the token lacks the claim {error.claim!r}, which this server requires"
            except jwt.ImmatureSignatureError:
                problem = "the token is not valid yet (nbf); use it later, or set the issuer's clock right"
            except _UNREADABLE:
                continue
            raise IdentityRefused("token_invalid", problem)
        return None

    def _decode(self, token: str, key: VerificationKey) -> dict[str, Any]:
        # exp and sub are Claims' to judge, alike for every mechanism; iat is information (RFC 7519, section 4.1.6).
        return jwt.decode(
            token,
            key.material,
            algorithms=list(key.algorithms),
            audience=self._audience or None,
            issuer=self._issuer or None,
            leeway=CLOCK_SKEW,
            options={
                "verify_exp": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_jti": False,
                "verify_aud": bool(self._audience),
                "verify_iss": bool(self._issuer),
            },
        )


def sign(secret: bytes, claims: dict[str, Any], ttl: int) -> str:
    """Sign a JWT with HS256.

    Args:
        secret: The key.
        claims: The claims, without `iat` and `exp`.
        ttl: Seconds until it expires.
    """
    now = int(time.time())
    return jwt.encode({**claims, "iat": now, "exp": now + ttl}, secret, algorithm=SECRET_ALGORITHM)
