"""What a verified token says about its bearer, whichever mechanism verified it: roles and the other claims.

The mechanisms vouch that the claims are genuine; this module reads them: who (`sub`), in which roles (`role`,
`roles`), until when (`exp`).
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from identity.configuration import IdentitySettings
from identity.refusal import IdentityRefused


class Role(StrEnum):
    """The side of a room that a user speaks as, spelled as on the wire and in the database."""

    BUYER = "BUYER"
    SELLER = "SELLER"

    @property
    def other(self) -> Role:
        """The opposite side."""
        return Role.SELLER if self is Role.BUYER else Role.BUYER


EITHER_ROLE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a genuine token says of its bearer.

    Attributes:
        user_id: The user.
        roles: The sides that the user may connect as; both where the token names none.
        expires_at: When the token expires, in unix seconds.
    """

    user_id: str
    roles: frozenset[Role]
    expires_at: float

    @classmethod
    def read(cls, claims: Mapping[str, Any]) -> Claims:
        """Read the claims of a genuine token.

        Args:
            claims: The claims by name.

        Raises:
            IdentityRefused: `token_invalid`: `sub` or `exp` is missing or cannot be read.
        """
        return cls(_user_id(claims.get("sub")), _roles(claims), _expiry(claims.get("exp")))

    def require_current(self) -> None:
        """Refuse a token that has expired. There is no leeway, as there is none for live sockets.

        Raises:
            IdentityRefused: `token_expired`.
        """
        if self.expires_at <= time.time():
            ago = math.ceil(time.time() - self.expires_at)
            raise IdentityRefused("token_expired", f"the token expired {ago} s ago; connect with a fresh one")


def _user_id(sub: Any) -> str:
    if isinstance(sub, str) and sub.strip():
        return sub
    if isinstance(sub, int) and not isinstance(sub, bool):  # RFC 7519 wants a string; some issuers send numbers
        return str(sub)
    raise IdentityRefused("token_invalid", "the token's sub must be the user's id, a non-empty string")


def _expiry(exp: Any) -> float:
    if isinstance(exp, (int, float)) and not isinstance(exp, bool):
        try:
            seconds = float(exp)
        except OverflowError:
            seconds = math.inf
        if math.isfinite(seconds):
            return seconds
    raise IdentityRefused(
        "token_invalid", "the token's exp must be a number of unix seconds; a token without is refused"
    )


def _roles(claims: Mapping[str, Any]) -> frozenset[Role]:
    named = [claims[name] for name in ("role", "roles") if claims.get(name) is not None]
    if not named:
        return EITHER_ROLE
    # From here on the token restricts its bearer: an empty list, or names unknown here, grant nothing.
    spelled = {word for claim in named for word in _words(claim)}
    names = IdentitySettings.current().ROLES
    known = {names.get(word, word) for word in spelled}
    return frozenset(role for role in Role if role.value in known)


def _words(claim: Any) -> Iterable[str]:
    if isinstance(claim, str):
        return re.split(r"[\s,]+", claim)
    if isinstance(claim, (list, tuple)):
        return (word for word in claim if isinstance(word, str))
    return ()
