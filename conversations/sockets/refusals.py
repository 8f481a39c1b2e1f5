"""What a refusal means at the sockets' door: the reason that a client gets, and whether it is to try again."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from conversations.errors import Code, RuleViolation, TooSoon
from conversations.signals import request_refused
from conversations.sockets.acknowledgements import Reason
from identity import IdentityRefused
from persistence.availability import StoreUnavailable
from socketio_bridge import ConnectionRefused, InvalidArguments, TryAgainLater, UnknownEvent

logger = logging.getLogger(__name__)

Refusal = IdentityRefused | RuleViolation | StoreUnavailable


def is_temporary(refusal: Refusal) -> bool:
    """Whether the same may be let in later: what refuses it is away, overrun, or a limit of rate."""
    match refusal:
        case StoreUnavailable() | TooSoon():
            return True
        case IdentityRefused():
            return refusal.code == "identity_unavailable"
        case _:
            return refusal.code == Code.OVERLOADED


def reason_of(refusal: Refusal) -> Reason:
    """The reason as clients get it."""
    if isinstance(refusal, IdentityRefused):
        return Reason(code=refusal.code, message=refusal.message)
    return Reason.of(refusal)


def refused_connection(message: str, refusal: Refusal) -> ConnectionRefused | TryAgainLater:
    """What keeps a client out: for good, with its reason, or until it tries again by itself.

    Args:
        message: The message of `connect_error`.
        refusal: Why it is not let in.
    """
    request_refused.send(sender=None, door="connect", code=str(reason_of(refusal).code))
    if not is_temporary(refusal):
        return ConnectionRefused(message, fields_of(reason_of(refusal)))
    if isinstance(refusal, TooSoon):
        return TryAgainLater(refusal.code, retry_after=refusal.retry_after)
    return TryAgainLater(str(refusal))


def fields_of(reason: Reason) -> dict[str, Any]:
    """A reason's fields, without those that are not set."""
    return {name: value for name, value in msgspec.structs.asdict(reason).items() if value is not msgspec.UNSET}


def explain(event: str, error: Exception) -> Reason:
    """The reason for which an event was not handled; a failure of this server is logged.

    Args:
        event: The event's name.
        error: What `Namespace.on_error` got.
    """
    match error:
        case IdentityRefused() | RuleViolation() | StoreUnavailable():
            return reason_of(error)
        case InvalidArguments():
            return Reason(code=Code.VALIDATION_FAILED, message=str(error))
        case UnknownEvent():
            return Reason(code=Code.UNKNOWN_EVENT, message=str(error))
        case _:
            logger.error("The handler of %r failed.", event, exc_info=error)
            explained = "the server failed to handle this event; the failure has been logged"
            return Reason(code=Code.INTERNAL_ERROR, message=explained)
