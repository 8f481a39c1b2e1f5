"""`manage.py export_person`: all that is kept of a user, as JSON."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, TextIO

from asgiref.sync import async_to_sync
from django.core.management.base import BaseCommand, CommandError

from conversations.errors import RuleViolation
from moderation.services import export_person
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
            self._write(data, sys.stdout if self.stdout._out is sys.stdout else self.stdout._out)
            return
        output.touch(mode=0o600)
        with output.open("w", encoding="utf-8") as file:
            self._write(data, file)

    def _write(self, data: Any, file: TextIO) -> None:
        file.write("[")
        for number, (kind, document) in enumerate(data):
            file.write(",\n" if number else "\n")
            json.dump({"kind": kind, "data": document}, file, ensure_ascii=False)
        file.write("\n]\n")
