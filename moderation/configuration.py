"""The keys of `settings.CONVERSATIONS` that are about the login of staff at moderation's own site."""

from __future__ import annotations

from persistence.configuration import Section


class LoginSettings(Section, frozen=True, kw_only=True):
    """How often a login may fail.

    Attributes:
        LOGIN_FAILURES: Of one account from one address; 0: any number.
        LOGIN_LOCKOUT: Seconds for which it is then refused.
    """

    LOGIN_FAILURES: int = 5
    LOGIN_LOCKOUT: int = 900
