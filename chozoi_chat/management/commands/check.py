"""`manage.py check`: Django's, which asks MongoDB for its version, too, as `migrate` does."""

from typing import Any

from django.core.management.commands.check import Command as CheckCommand
from django.db import DEFAULT_DB_ALIAS


class Command(CheckCommand):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        options["databases"] = options["databases"] or [DEFAULT_DB_ALIAS]
        super().handle(*app_labels, **options)
