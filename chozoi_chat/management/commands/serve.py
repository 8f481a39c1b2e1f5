"""`manage.py serve`: the server alone, as production runs it."""

from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from pymongo.errors import PyMongoError

from chozoi_chat.health import STORE_TIMEOUT
from chozoi_chat.serving import serve
from persistence.availability import brief
from persistence.configuration import value_of
from persistence.engine.server import UnsupportedMongoDB, running_server

logger = structlog.get_logger(__name__)

_FEATURES = {
    "shop details in rooms": ["SHOP_SERVICE"],
    "winners' names in auction results": ["ACCOUNT_SERVICE"],
    "auction results from Kafka": ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL"],
    "conversation events to Kafka": ["KAFKA_BOOTSTRAP_SERVERS"],
    "conversation events to webhooks": ["WEBHOOKS"],
}
"""Features, with the settings that each of them needs."""


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
        for feature, names in _switched_off().items():
            logger.info("feature is off", feature=feature, unset=names)
        _check_mongodb()
        serve(host, port, workers)


def _switched_off() -> dict[str, list[str]]:
    """Each feature that is off, with the settings that would switch it on."""
    missing = {feature: [name for name in names if not value_of(name)] for feature, names in _FEATURES.items()}
    return {feature: names for feature, names in missing.items() if names}


def _check_mongodb() -> None:
    """Log what MongoDB lacks, or that it does not answer yet. `/readyz` repeats that until it does.

    Raises:
        CommandError: This MongoDB is too old.
    """
    try:
        server = running_server(STORE_TIMEOUT)
    except UnsupportedMongoDB as error:
        raise CommandError(str(error)) from None
    except PyMongoError as error:
        logger.warning("MongoDB does not answer yet", error=brief(error))
        return
    if server.limitation:
        logger.warning(server.limitation)
