"""`manage.py consume_auction_results`: from Kafka to the clients that watch auctions. Several share the work."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from auctions.consumer import AuctionConsumer
from kafka_workers.clients import require_kafka, require_registry
from kafka_workers.report import WorkerReport
from kafka_workers.status_server import add_status_port, status_served
from kafka_workers.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Emit each auction result that comes from Kafka, until SIGTERM. Several of these share the partitions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_status_port(parser)

    def handle(self, *, status_port: int, **options: Any) -> None:
        require_kafka()
        require_registry()
        report = WorkerReport("auction_results", "records")
        stop = stop_on_signals()
        with status_served(report, settings.HOST, status_port):
            asyncio.run(AuctionConsumer(report, stop).run())
