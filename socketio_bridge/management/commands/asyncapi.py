"""`manage.py asyncapi`: the events of the project's namespaces, for those who write clients."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from socketio_bridge.documentation.description import describe_project
from socketio_bridge.documentation.event_page import event_page


class Command(BaseCommand):
    help = (
        "Write the AsyncAPI 3.0 document of the namespaces that ASGI_APPLICATION serves, or a page made from it. "
        "Title, version, description and servers come from the setting ASYNCAPI."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--document", type=Path, help="file for the document (without either: standard output)")
        parser.add_argument("--page", type=Path, help="file for the page, in Markdown")

    def handle(self, *, document: Path | None, page: Path | None, **options: Any) -> None:
        described = describe_project()
        text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
        if document is not None:
            document.write_text(text)
        if page is not None:
            page.write_text(event_page(described))
        if document is None and page is None:
            self.stdout.write(text, ending="")
