"""Times as the pages of staff show and read them: in the time zone of the request, which they name."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazy


def shown(instant: datetime.datetime) -> str:
    """Format an instant as `2026-11-30 15:04 (UTC)`."""
    return f"{timezone.localtime(instant):%Y-%m-%d %H:%M} ({timezone.get_current_timezone_name()})"


class UntilField(forms.DateTimeField):
    """The end of something. Its label names the time zone that it is read in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            label=lazy(_label, str)(),
            widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
            **options,
        )


def _label() -> str:
    return f"Until ({timezone.get_current_timezone_name()})"
