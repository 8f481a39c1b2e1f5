"""The keys of `settings.CONVERSATIONS` that are about moderation: the login of staff, and what users are told."""

from __future__ import annotations

from typing import Literal

from persistence.configuration import Section


class NoticeSettings(Section, frozen=True, kw_only=True):
    """What users are told of the decisions of staff.

    Attributes:
        MODERATION_NOTICES: The events that are sent. None by default: an old app may be surprised.
    """

    MODERATION_NOTICES: tuple[Literal["report_closed", "restriction"], ...] = ()


class LoginSettings(Section, frozen=True, kw_only=True):
    """How often a login may fail.

    Attributes:
        LOGIN_FAILURES: Of one account from one address; 0: any number.
        LOGIN_LOCKOUT: Seconds for which it is then refused.
    """

    LOGIN_FAILURES: int = 5
    LOGIN_LOCKOUT: int = 900
