"""`manage.py asyncapi`: the events of the project's namespaces, for those who write clients."""

import json
from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from socketio_bridge import SocketIOServer
from socketio_bridge.documentation.asyncapi import asyncapi
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
        described = _describe()
        text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
        if document is not None:
            document.write_text(text)
        if page is not None:
            page.write_text(event_page(described))
        if document is None and page is None:
            self.stdout.write(text, ending="")


def _describe() -> dict[str, Any]:
    module = str(settings.ASGI_APPLICATION).rpartition(".")[0]
    servers = [value for value in vars(import_module(module)).values() if isinstance(value, SocketIOServer)]
    if not servers:
        raise CommandError(f"{module} has no SocketIOServer at its top level; give it a name there.")
    namespaces = [namespace for server in servers for namespace in server.namespaces.values()]
    info = {"title": "Socket.IO events", "version": "1.0.0", "servers": {}, **getattr(settings, "ASYNCAPI", {})}
    return asyncapi(namespaces, **info)
