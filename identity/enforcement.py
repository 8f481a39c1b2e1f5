"""AUTH_MODE: what becomes of who cannot prove who they are. `enforce`: refused. `report`: let pass, and logged.

`report` is for the days in which a team moves from a service that believed every token: the log says whom `enforce`
would refuse, while nobody is refused for it yet. Whoever names no token or no side is refused in both.
"""

from __future__ import annotations

import logging
from enum import StrEnum

from django.conf import settings

from identity.refusal import IdentityRefused

logger = logging.getLogger(__name__)


class AuthMode(StrEnum):
    """The values of AUTH_MODE."""

    ENFORCE = "enforce"
    REPORT = "report"


def let_pass(refusal: IdentityRefused, user_id: str, role: str = "") -> bool:
    """Whether somebody who is to be refused gets in all the same, as the user and role that they claim.

    Each one let pass is a log line with the fields `code`, `user_id` and `role`.
    """
    if settings.AUTH_MODE != AuthMode.REPORT:
        return False
    logger.warning(
        "AUTH_MODE=report let pass whom `enforce` will refuse: %s",
        refusal.message,
        extra={"code": refusal.code, "user_id": user_id, "role": role},
    )
    return True
