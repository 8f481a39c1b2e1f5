"""`manage.py socketio`: types of the project's events for clients, and what a change of them would break."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from socketio_bridge.documentation.compatibility import breaking_changes
from socketio_bridge.documentation.description import describe_project
from socketio_bridge.documentation.python_types import python_types
from socketio_bridge.documentation.typescript import typescript


class Command(BaseCommand):
    help = "Types of the events for clients, and what a change of the events would break for them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        types = actions.add_parser("types", help="write types for clients, made from the handlers' and events' types")
        types.add_argument("--typescript", type=Path, metavar="FILE", help="for socket.io-client; - is standard output")
        types.add_argument("--python", type=Path, metavar="FILE", help="for python-socketio; - is standard output")
        check = actions.add_parser(
            "compatible", help="name what clients would fail by that were written to a published document; 1 if any"
        )
        check.add_argument("document", type=Path, help="the AsyncAPI document that was published last")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "types":
            self._types(options["typescript"], options["python"])
        else:
            self._compatible(options["document"])

    def _types(self, for_typescript: Path | None, for_python: Path | None) -> None:
        if for_typescript is None and for_python is None:
            raise CommandError("name a file: --typescript FILE, --python FILE, or both")
        document = describe_project()
        for path, made in ((for_typescript, typescript), (for_python, python_types)):
            if path == Path("-"):
                self.stdout.write(made(document), ending="")
            elif path is not None:
                path.write_text(made(document))

    def _compatible(self, published: Path) -> None:
        try:
            older = json.loads(published.read_text())
            changes = breaking_changes(older, describe_project())
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise CommandError(f"{published} cannot be read as a document of `manage.py asyncapi`: {error}") from error
        if changes:
            raise CommandError("clients that were written to this document would fail:\n" + "\n".join(changes))
        self.stdout.write("Nothing breaks clients that were written to this document.")
