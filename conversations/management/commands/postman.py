"""`manage.py postman`: the REST API as a collection and an environment for Postman."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator

from conversations.api.postman import collection, environment


class Command(BaseCommand):
    help = "Write collection.json and environment.json for Postman, made from the OpenAPI document of the REST API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("directory", type=Path, help="where to write them")
        parser.add_argument("--base-url", default="http://127.0.0.1:8000", help="where the server is (%(default)s)")

    def handle(self, *, directory: Path, base_url: str, **options: Any) -> None:
        generator: Any = SchemaGenerator
        document = generator().get_schema(request=None, public=True)
        _write(directory / "collection.json", collection(document))
        _write(directory / "environment.json", environment(base_url))


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
