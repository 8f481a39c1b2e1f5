"""`manage.py export_person`: all that is kept of a user, as JSON."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from conversations.errors import RuleViolation
from moderation.services import export_person
from moderation.services.persons import json_array
from moderation.staff import Staff


class Command(BaseCommand):
    help = "Write all that is kept of a user as one JSON array of {kind, data}."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user_id")
        parser.add_argument("--reason", required=True, help="for the audit, such as the number of the request")
        parser.add_argument("--output", type=Path, help="the file to write, readable by its owner alone (else stdout)")

    def handle(self, *, user_id: str, reason: str, output: Path | None, **options: Any) -> None:
        try:
            data = async_to_sync(export_person)(Staff.at_the_console("export_person"), user_id, reason)
        except RuleViolation as error:
            raise CommandError(error.message) from error
        if output is None:
            self.stdout.writelines(json_array(data))
            return
        output.touch(mode=0o600)
        with output.open("w", encoding="utf-8") as file:
            file.writelines(json_array(data))
