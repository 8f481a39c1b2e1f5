"""The refusals of this app, and the list of their reasons.

Doors (socket events, REST) translate a `RuleViolation` into their own answers. The codes are part of the contract with
clients: stable, in snake_case, never reused for another meaning.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from persistence.availability import StoreUnavailable


class Code(StrEnum):
    """Every reason for which rooms and messages refuse something."""

    VALIDATION_FAILED = "validation_failed"
    """A field is missing, of a wrong type, too long, or two fields contradict each other."""
    USER_MISMATCH = "user_mismatch"
    """`from` or `creator` is not the authenticated user."""
    ROLE_MISMATCH = "role_mismatch"
    """`role` is not the side that the user is of that room."""
    ROLE_NOT_ALLOWED = "role_not_allowed"
    """The token may not speak for the side that the user is of that room."""
    ROOM_NOT_FOUND = "room_not_found"
    """There is no room of that id."""
    NOT_A_MEMBER = "not_a_member"
    """The user is neither buyer nor seller of that room."""
    WRONG_RECIPIENT = "wrong_recipient"
    """`to` is not the other side of that room."""
    ROOM_BLOCKED = "room_blocked"
    """One side has blocked the room: it takes no messages."""
    ROOM_CLOSED = "room_closed"
    """The room was closed: it takes no messages."""
    BUYER_IS_SELLER = "buyer_is_seller"
    """A room of one user with themselves."""
    SHOP_NOT_OF_SELLER = "shop_not_of_seller"
    """The shop service says that the shop belongs to somebody else."""
    MESSAGE_NOT_FOUND = "message_not_found"
    """There is no message of that id, or it lies before the user's deletion of the room."""
    NOT_THE_SENDER = "not_the_sender"
    """A message is changed by who wrote it alone."""
    NOT_THE_BLOCKER = "not_the_blocker"
    """A block is lifted by the side that set it alone."""
    EDIT_WINDOW_OVER = "edit_window_over"
    """The message is too old to be edited."""
    MESSAGE_REDACTED = "message_redacted"
    """The operator has redacted the message: it cannot be edited any more."""
    NOT_AN_IMAGE = "not_an_image"
    """What was uploaded is no image of a kind that is taken, is broken, or has too many pixels."""
    UPLOAD_TOO_LARGE = "upload_too_large"
    """What was uploaded has too many bytes."""
    SYNC_TOO_OLD = "sync_too_old"
    """What changed since that token can no longer be told: load everything anew."""
    RATE_LIMITED = "rate_limited"
    """Too many requests of this user or address. Try again after the time in `Retry-After`."""
    UNKNOWN_EVENT = "unknown_event"
    """The client sent an event that there is none of."""
    INTERNAL_ERROR = "internal_error"
    """A defect of this server; its log says more."""
    STORE_UNAVAILABLE = "store_unavailable"
    """MongoDB did not answer in time. Try again: a message with a `client_message_id` is never stored twice."""
    OVERLOADED = "overloaded"
    """More is waiting than this process takes on, or it would be done too late. Try again in some seconds."""


class RuleViolation(Exception):
    """A request is refused.

        raise RuleViolation(Code.ROOM_NOT_FOUND, f"there is no room {room_id!r}")

    Args:
        code: The reason, for programs: a `Code`, or one of an app above.
        message: What was wrong and what would be right, for people.

    Attributes:
        code: The reason.
        message: The text for people.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message

    def __repr__(self) -> str:
        return f"RuleViolation({self.code!r}, {self.message!r})"


def overloaded(error: Exception) -> RuleViolation:
    """The refusal of what this process does not take on, for a reason of `persistence.batching`."""
    return RuleViolation(Code.OVERLOADED, f"the server is busy ({error}); try again in some seconds")


class Forbidden(RuleViolation):
    """A policy keeps this from this user, now or for good. REST answers 403."""


class TooSoon(RuleViolation):
    """The user has to wait. REST answers 429.

    Args:
        code: The reason.
        message: The text for people.
        retry_after: Seconds to wait.

    Attributes:
        retry_after: Seconds to wait.
    """

    def __init__(self, code: str, message: str, *, retry_after: int) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


class Missing(RuleViolation):
    """What was asked for does not exist, as far as the user may know. REST answers 404."""


REFUSALS: Final = (RuleViolation, StoreUnavailable)
"""What a service raises when it does not do what it is asked. A door answers these; `str()` is the text for people."""
