"""Why a token or a handshake is not accepted: one exception, a stable code, a sentence for people."""

from __future__ import annotations

from typing import Literal

RefusalCode = Literal[
    "token_missing",
    "token_invalid",
    "token_expired",
    "user_mismatch",
    "role_invalid",
    "role_not_allowed",
    "identity_unavailable",
]


class IdentityRefused(Exception):
    """The caller is not who the handshake says, or it cannot be found out.

    `code` is stable and meant for programs. `message` says what was wrong and what would be right; it never
    contains the token. `identity_unavailable` alone is no fault of the caller: the same token may be good later.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: RefusalCode = code
        self.message = message
