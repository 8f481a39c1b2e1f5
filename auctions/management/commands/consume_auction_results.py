"""`manage.py consume_auction_results`: from Kafka to the clients that watch auctions. Several share the work."""

import asyncio
import threading
from typing import Any

from auctions.consumer import AuctionConsumer
from kafka_workers.command import KafkaCommand
from workers.report import WorkerReport


class Command(KafkaCommand):
    help = "Emit each auction result that comes from Kafka, until SIGTERM. Several of these share the partitions."
    metrics_prefix = "auction_results"
    unit = "records"
    needs_registry = True

    def work(self, report: WorkerReport, stop: threading.Event, **options: Any) -> None:
        asyncio.run(AuctionConsumer(report, stop).run())
