"""What moderation does when something happens to accounts, which are the project's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete
from django.dispatch import receiver

from moderation.services.review import free_reports_of


@receiver(post_delete, sender=get_user_model())
def free_reports(*, instance: Any, **_: object) -> None:
    """Let others take the reports that a member of staff had whose account is deleted."""
    if instance.is_staff:
        free_reports_of(str(instance.pk))
