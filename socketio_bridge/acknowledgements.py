"""What acknowledges an event that is refused: one form for every refusal of the bridge."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from msgspec import UNSET, Struct, UnsetType

from socketio_bridge.exceptions import EventError, EventRefused, InvalidArguments


class Reason(Struct, kw_only=True):
    """Why an event was refused.

    Attributes:
        code: The reason, for programs: stable, in snake_case.
        message: The text for people.
        retry_after: Seconds until the same would be taken, where waiting helps.
    """

    code: str
    message: str
    retry_after: int | UnsetType = UNSET


class Refused(Struct, kw_only=True):
    """It was not done: `{"error": {"code": "permission_denied", "message": "…"}}`."""

    error: Reason


def refused(error: EventError | PermissionDenied) -> Refused:
    """Make the acknowledgement of an event that is refused.

    Args:
        error: Why. Codes of the bridge's own: `unknown_event`, `invalid_arguments`, `not_authenticated`,
            `permission_denied`, `rate_limited`.
    """
    if isinstance(error, EventRefused):
        wait = UNSET if error.retry_after is None else error.retry_after
        return Refused(error=Reason(code=error.code, message=error.message, retry_after=wait))
    if isinstance(error, PermissionDenied):
        return Refused(error=Reason(code="permission_denied", message=str(error) or "you may not do this"))
    code = "invalid_arguments" if isinstance(error, InvalidArguments) else "unknown_event"
    return Refused(error=Reason(code=code, message=str(error)))
