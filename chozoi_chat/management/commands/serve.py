"""`manage.py serve`: the server alone, as production runs it."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand

from chozoi_chat.features import switched_off
from chozoi_chat.serving import serve

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = (
        "Serve the application with uvicorn, and nothing else: MongoDB and Redis must run (MONGODB_URI, "
        "REDIS_ADDRESS), and `migrate` must have been run. `up` does all of that on one machine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help="address to listen on (HOST, now %(default)s)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="port (PORT, now %(default)s)")
        parser.add_argument(
            "--workers", type=int, default=settings.WEB_CONCURRENCY, help="processes (WEB_CONCURRENCY, now %(default)s)"
        )

    def handle(self, *, host: str, port: int, workers: int, **options: Any) -> None:
        for feature, names in switched_off().items():
            logger.info("feature is off", feature=feature, unset=names)
        serve(host, port, workers)
