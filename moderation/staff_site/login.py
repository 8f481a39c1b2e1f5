"""The login of staff: Django's, and only so many tries."""

from __future__ import annotations

import logging
import math
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from moderation.staff_site import failed_logins

logger = logging.getLogger(__name__)


class ThrottledLoginForm(AdminAuthenticationForm):
    """Refuses without looking at the password after too many failures."""

    def clean(self) -> dict[str, Any]:
        """Django's check, if there are tries left."""
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        address = (self.request.META.get("REMOTE_ADDR") or "") if self.request is not None else ""
        if wait := failed_logins.begin(name, address):
            logger.warning("login of %r from %s refused: too many failed ones", name, address)
            minutes = math.ceil(wait / 60)
            raise ValidationError(
                f"Too many failed logins. Try again in {minutes} minute{'s' if minutes > 1 else ''}.", code="throttled"
            )
        cleaned = super().clean()
        failed_logins.forget(name, address)
        return cleaned
