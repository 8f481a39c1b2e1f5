"""`manage.py retain_messages`: delete messages older than a number of days."""

from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from conversations.errors import REFUSALS
from conversations.management.progress import Progress
from moderation.services import delete_older
from moderation.staff import Staff


class Command(BaseCommand):
    help = "Delete messages older than a number of days. Cut off, start it again: what is done is passed over quickly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, required=True, help="keep what is younger than this")
        parser.add_argument("--batch", type=int, default=1000, help="messages deleted in one step (1000)")

    def handle(self, *, days: int, batch: int, **options: Any) -> None:
        staff = Staff.at_the_console("retain_messages")
        progress = Progress(self.stderr, "deleted")
        try:
            retained = async_to_sync(delete_older)(staff, days, batch=batch, progress=progress)
        except (*REFUSALS, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{retained.deleted} messages older than {days} days were deleted.")
        if retained.kept:
            self.stdout.write(f"{retained.kept} as old were kept: open reports or holds of staff cover them.")
