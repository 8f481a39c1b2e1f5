"""Why a token or a handshake is not accepted, and whether AUTH_MODE lets its bearer pass all the same.

AUTH_MODE `enforce` refuses who cannot prove who they are. `report` lets them pass and logs it: a team that moves from a
service that believed every token learns from the log whom `enforce` will refuse. Both refuse a handshake without a
token or without a side.
"""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Literal

from identity.configuration import IdentitySettings

logger = logging.getLogger(__name__)

RefusalCode = Literal[
    "not_signed_in",
    "token_missing",
    "token_invalid",
    "token_expired",
    "user_mismatch",
    "role_invalid",
    "role_not_allowed",
    "identity_unavailable",
]


class IdentityRefused(Exception):
    """The caller is not who the handshake says, or that cannot be found out.

    Args:
        code: The reason, for programs. Codes are stable. `identity_unavailable` alone is no fault of the caller: the
            same token may be accepted later.
        message: What was wrong and what would be right, for people. It must not contain the token.

    Attributes:
        code: The reason.
        message: The text for people.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: RefusalCode = code
        self.message = message


class AuthMode(StrEnum):
    """The values of AUTH_MODE."""

    ENFORCE = "enforce"
    REPORT = "report"


def let_pass(refusal: IdentityRefused, user_id: str, role: str = "") -> bool:
    """Tell whether a user who is to be refused gets in all the same, because AUTH_MODE is `report`.

    Logs a line with the fields `code`, `user_id` and `role` for each one that it lets pass; no log may leave one out.

    Args:
        refusal: Why the user is to be refused.
        user_id: The user that the caller claims to be.
        role: The side that the caller claims, if any.

    Returns:
        True under `report`; False under `enforce`.
    """
    if IdentitySettings.current().AUTH_MODE != AuthMode.REPORT:
        return False
    logger.warning(
        "AUTH_MODE=report let pass whom `enforce` will refuse: %s",
        refusal.message,
        extra={"code": refusal.code, "user_id": user_id, "role": role, "sampled": False},
    )
    return True
