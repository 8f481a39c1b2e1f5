"""What acknowledges a client's event: `status` says whether it was done, the rest what came of it."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from conversations.errors import Code, RuleViolation, TooSoon
from conversations.payloads import Change, MessagePayload, RoomPayload
from persistence.availability import StoreUnavailable
from socketio_bridge.events.acknowledgements import ErrorCode


class Done(Struct, kw_only=True):
    """It was done."""

    status: Literal[True] = True


class MessageSent(Done, kw_only=True):
    """The message is stored, as both sides get it; of a repeat, the first one."""

    message: MessagePayload


class RoomReady(Done, kw_only=True):
    """There is such a room, and the caller sees it."""

    room: RoomPayload


class Synced(Done, kw_only=True):
    """Changes, in order; `next`, the token to sync with from now on; whether there is `more` to ask for at once."""

    changes: list[Change]
    next: str
    more: bool


class Reason(Struct, kw_only=True):
    """Why something was refused: `code` for programs, stable and in snake_case; `message` for people.

    `retry_after`: seconds to wait, where waiting helps.
    """

    code: ErrorCode
    message: str
    retry_after: int | UnsetType = UNSET

    @classmethod
    def of(cls, refusal: RuleViolation | StoreUnavailable) -> Reason:
        """The reason that a service gives."""
        if isinstance(refusal, StoreUnavailable):
            return Reason(code=Code.STORE_UNAVAILABLE, message=str(refusal))
        wait = refusal.retry_after if isinstance(refusal, TooSoon) else UNSET
        return Reason(code=refusal.code, message=refusal.message, retry_after=wait)


class Refused(Struct, kw_only=True):
    """It was not done."""

    error: Reason
    status: Literal[False] = False


class EventError(Reason, kw_only=True):
    """`event_error`, to the device whose `event` was refused; the event's acknowledgement says the same.

    `client_message_id` is the refused message's own, if any.
    """

    event: str
    client_message_id: str | int | None
