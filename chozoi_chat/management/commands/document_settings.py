"""`manage.py document_settings`: writes the table of the settings in docs/operations.md from the code."""

import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chozoi_chat import environment

BEGINNING, END = "<!-- written by manage.py document_settings -->", "<!-- until here -->"


class Command(BaseCommand):
    help = f"Write the table of all settings between {BEGINNING} and {END} of a page."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--page", type=Path, required=True, help="the Markdown file")

    def handle(self, *, page: Path, **options: Any) -> None:
        table = environment.document(settings.BASE_DIR)
        written, count = re.subn(
            f"(?<={BEGINNING}\n).*?(?={END})", lambda _: f"{table}\n", page.read_text(), flags=re.DOTALL
        )
        if count != 1:
            raise CommandError(f"{page} has no place for the table: {BEGINNING} and {END}, each on a line of its own.")
        page.write_text(written)
