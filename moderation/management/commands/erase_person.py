"""`manage.py erase_person`: take a user's content out of the chat, for good."""

from argparse import ArgumentParser
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from conversations.errors import REFUSALS
from conversations.management.progress import Progress
from moderation.services import erase_person
from moderation.staff import Staff


class Command(BaseCommand):
    help = (
        "Erase what a user wrote and what is known of them. Rooms stay, and when who wrote to whom. Cannot be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user_id")
        parser.add_argument("--reason", required=True, help="for the audit, such as the number of the request")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, user_id: str, reason: str, yes: bool, **options: Any) -> None:
        if not yes and input(f"Erase all that user {user_id} wrote, for good? Type the id again: ") != user_id:
            raise CommandError("nothing was erased")
        staff = Staff.at_the_console("erase_person")
        try:
            changed = async_to_sync(erase_person)(staff, user_id, reason, progress=Progress(self.stderr, "erased"))
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        if kept := changed.pop("kept", 0):
            self.stderr.write(
                f"{kept} messages of user {user_id} were kept: open reports or holds of staff cover them. "
                "Erase again when those have ended."
            )
        self.stdout.write(", ".join(f"{kind.replace('_', ' ')}: {count}" for kind, count in changed.items()))
