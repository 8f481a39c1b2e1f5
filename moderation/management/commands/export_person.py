"""`manage.py export_person`: all that is kept of a user, as JSON."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from conversations.errors import REFUSALS
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
            file = None if output is None else _private(output)
        except OSError as error:
            raise CommandError(f"{output} cannot be written ({error.strerror}); nothing was exported") from error
        try:
            data = async_to_sync(export_person)(Staff.at_the_console("export_person"), user_id, reason)
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        if file is None:
            self.stdout.writelines(json_array(data))
            return
        with file:
            file.truncate(0)
            file.writelines(json_array(data))


def _private(path: Path) -> TextIO:
    """A file to write, made where it is missing, which is its owner's alone from now on. OSError."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.fchmod(handle, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8")
