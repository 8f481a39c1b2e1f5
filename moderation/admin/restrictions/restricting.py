"""The form of a restriction: until when, and why."""

from __future__ import annotations

import datetime
from typing import Any, Final

from django import forms
from django.utils import timezone

from moderation.admin.pages.acting import ReasonForm

FOR_GOOD: Final = "for_good"
UNTIL: Final = "until"
HOURS: Final = (("1", "1 hour"), ("24", "1 day"), ("168", "7 days"), ("720", "30 days"))


class RestrictForm(ReasonForm):
    """Restricting whom or what the page names; `cleaned_data["end"]`: until when, `None`: until it is lifted."""

    length = forms.ChoiceField(
        label="For how long", choices=[*HOURS, (FOR_GOOD, "Until it is lifted"), (UNTIL, "Until a time:")]
    )
    until = forms.DateTimeField(
        label="Until (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Only with “Until a time”.",
    )
    field_order = ["length", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        """The end, from either field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        length, until = cleaned.get("length"), cleaned.get("until")
        now = timezone.now()
        if length == UNTIL and "until" not in self.errors:
            if until is None:
                self.add_error("until", "Fill in until when, or choose another length.")
            elif until <= now:
                self.add_error("until", f"This has passed: now it is {now:%Y-%m-%d %H:%M} (UTC).")
        elif until is not None and length is not None:
            self.add_error("length", "Choose “Until a time”, or leave the time below empty.")
        cleaned["end"] = end_of(length, until, now) if length else None
        return cleaned


def end_of(length: str, until: datetime.datetime | None, now: datetime.datetime) -> datetime.datetime | None:
    """When a restriction of such a length ends."""
    if length == UNTIL:
        return until
    return None if length == FOR_GOOD else now + datetime.timedelta(hours=int(length))
