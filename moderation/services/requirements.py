"""What acts require of what they are given: a reason, an end in the future, an object that is stored."""

from __future__ import annotations

import datetime
from typing import TypeVar

from bson import ObjectId
from bson.errors import InvalidId
from django.db.models import Model

from conversations.errors import Code as ChatCode
from conversations.errors import RuleViolation
from moderation.errors import Code
from persistence.timestamps import to_wire

AnyModel = TypeVar("AnyModel", bound=Model)


def require_reason(reason: str) -> str:
    """Strip the spaces around a reason.

    Raises:
        RuleViolation: `validation_failed`: nothing else is in it.
    """
    if not reason.strip():
        raise RuleViolation(ChatCode.VALIDATION_FAILED, "the reason is empty: say why this is done")
    return reason.strip()


def require_future(end: datetime.datetime, now: datetime.datetime) -> None:
    """Check the end of a restriction or a hold.

    Raises:
        RuleViolation: `validation_failed`: it has passed.
    """
    if end <= now:
        raise RuleViolation(
            ChatCode.VALIDATION_FAILED, f"the end is {to_wire(end)}: it must lie after now, {to_wire(now)}"
        )


def require_stored(model: type[AnyModel], key: str, code: Code, kind: str) -> AnyModel:
    """Read an object by its key. Runs in a thread of the store.

    Args:
        model: The object's model, with ObjectIds for keys.
        key: The key as text.
        code: The code of the refusal.
        kind: What the refusal calls such an object.

    Raises:
        RuleViolation: `code`: there is none, or the text is no key.
    """
    try:
        return model._default_manager.get(pk=ObjectId(key))
    except (model.DoesNotExist, InvalidId, TypeError):  # type: ignore[attr-defined]
        raise RuleViolation(code, f"there is no {kind} {key!r}") from None
