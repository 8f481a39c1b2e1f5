"""What acknowledges an event that is refused: one form for every refusal of the bridge."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from django.core.exceptions import PermissionDenied
from msgspec import UNSET, Meta, Struct, UnsetType

from socketio_bridge.exceptions import EventError, EventRefused, InvalidArguments

BRIDGE_CODES: Final = ("unknown_event", "invalid_arguments", "permission_denied")
"""The codes of the bridge's own refusals, beside those of guards. Any handler may raise Django's `PermissionDenied`."""

ErrorCode: TypeAlias = Annotated[str, Meta(extra_json_schema={"$ref": "#/components/schemas/ErrorCode"})]
"""The code of a refusal. Documents and types for clients list all that there are."""


class RefusalReason(Struct, kw_only=True):
    """Why an event was refused.

    Attributes:
        code: The reason, for programs: stable, in snake_case.
        message: The text for people.
        retry_after: Seconds until the same would be taken, where waiting helps.
    """

    code: ErrorCode
    message: str
    retry_after: int | UnsetType = UNSET


class Refusal(Struct, kw_only=True):
    """It was not done: `{"error": {"code": "permission_denied", "message": "…"}}`."""

    error: RefusalReason


def refused(error: EventError | PermissionDenied) -> Refusal:
    """Make the acknowledgement of an event that is refused.

    Args:
        error: Why. Codes of the bridge's own: `unknown_event`, `invalid_arguments`, `not_authenticated`,
            `permission_denied`, `rate_limited`.
    """
    if isinstance(error, EventRefused):
        wait = UNSET if error.retry_after is None else error.retry_after
        return Refusal(error=RefusalReason(code=error.code, message=error.message, retry_after=wait))
    if isinstance(error, PermissionDenied):
        return Refusal(error=RefusalReason(code="permission_denied", message=str(error) or "you may not do this"))
    code = "invalid_arguments" if isinstance(error, InvalidArguments) else "unknown_event"
    return Refusal(error=RefusalReason(code=code, message=str(error)))
