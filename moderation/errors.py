"""The codes of moderation's refusals, for users and for staff, besides those of conversations."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """Stable, in snake_case, never reused. The first six are for users, the others for staff."""

    BANNED = "banned"
    """The user may not connect, nor call the REST API, for now or for good."""
    MUTED = "muted"
    """The user may not write, for now or for good."""
    SLOW_MODE = "slow_mode"
    """The room is in slow mode, and this side has just written."""
    MESSAGE_REFUSED = "message_refused"
    """A filter refuses this message; another one may pass."""
    HELD_FOR_REVIEW = "held_for_review"
    """A filter holds this message back; it is sent when staff release it. Not to be repeated."""
    TARGET_NOT_FOUND = "target_not_found"
    """There is no such message, room or user, or none that concerns the user."""
    REPORT_NOT_FOUND = "report_not_found"
    REPORT_NOT_YOURS = "report_not_yours"
    """Somebody else works on this report, or nobody does yet."""
    REPORT_CLOSED = "report_closed"
    """The report has been resolved or dismissed already."""
    REPORT_NOT_CLOSED = "report_not_closed"
    """Only a report that is resolved or dismissed can be reopened."""
    RESTRICTION_NOT_FOUND = "restriction_not_found"
    RESTRICTION_OVER = "restriction_over"
    """It was lifted, or has ended by itself."""
    NOT_REDACTED = "not_redacted"
    ALREADY_REDACTED = "already_redacted"
    ALREADY_CLOSED = "already_closed"
    ALREADY_OPEN = "already_open"
    HELD_NOT_FOUND = "held_not_found"
    HELD_DECIDED = "held_decided"
    """The held message has been released or dropped, or its release is on its way."""
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_OVER = "hold_over"
    """It was lifted, or has ended by itself."""
    MESSAGE_NOT_FOUND = "message_not_found"
    NOT_PERMITTED = "not_permitted"
    """A page of staff asked for what this member of staff may not see."""


FOR_USERS: Final = tuple(Code)[:6]
"""Those that an app may be refused with."""
