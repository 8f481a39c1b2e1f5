"""`manage.py consume_auction_results`: from Kafka to the clients that watch auctions. Several share the work."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from auctions.consumer import AuctionConsumer
from kafka_workers.clients import require_kafka
from kafka_workers.report import WorkerReport
from kafka_workers.status_server import status_served
from kafka_workers.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Emit each auction result that comes from Kafka, until SIGTERM. Several of these share the partitions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--status-port",
            type=int,
            default=settings.WORKER_STATUS_PORT,
            help="port of /metrics and /readyz, 0 for none (WORKER_STATUS_PORT, now %(default)s)",
        )

    def handle(self, *, status_port: int, **options: Any) -> None:
        require_kafka()
        if not settings.SCHEMA_REGISTRY_URL:
            raise CommandError("SCHEMA_REGISTRY_URL is not set: auction results are Avro, whose schemas are there.")
        report = WorkerReport("auction_results", "records")
        stop = stop_on_signals()
        with status_served(report, settings.HOST, status_port):
            asyncio.run(AuctionConsumer(report, stop).run())
