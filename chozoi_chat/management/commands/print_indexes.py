"""`manage.py print_indexes`: what `migrate` would build, to be built beforehand where collections are large."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

from chozoi_chat.unreachable import explained
from persistence.database import connection
from persistence.engine.schema import missing_indexes


class Command(BaseCommand):
    """Prints statements for mongosh, and changes nothing."""

    help = "Print, as statements for mongosh, the indexes that existing collections lack."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one statement a line; nothing where no index is missing."""
        with explained():
            for statement in missing_indexes(connection, apps.get_models()):
                self.stdout.write(statement)
