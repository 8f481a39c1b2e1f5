"""Reasons, which the audit wants for what is done to people."""

from __future__ import annotations

from conversations.errors import Code, RuleViolation


def require_reason(reason: str) -> str:
    """The reason without spaces around it. RuleViolation `validation_failed`: there is none."""
    if not reason.strip():
        raise RuleViolation(Code.VALIDATION_FAILED, "the reason is empty: say why this is done")
    return reason.strip()
