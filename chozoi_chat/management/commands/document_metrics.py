"""`manage.py document_metrics`: writes docs/metrics.md from the code."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from chozoi_chat import metrics


class Command(BaseCommand):
    help = "Write the table of the server's metrics."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--page", type=Path, required=True, help="the Markdown file to write")

    def handle(self, *, page: Path, **options: Any) -> None:
        page.write_text(metrics.document())
