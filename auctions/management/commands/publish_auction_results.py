"""`manage.py publish_auction_results`: an auction to try the way from Kafka to clients with."""

import random
import time
from argparse import ArgumentParser
from typing import Any

from confluent_kafka import Producer
from django.core.management.base import BaseCommand, CommandError

from auctions.results import SCHEMA, TOPIC
from kafka_workers.clients import producer_configuration, require_kafka, require_registry
from kafka_workers.configuration import KafkaSettings
from kafka_workers.wire_format import AvroEncoder, RegistryUnavailable, registry


class Command(BaseCommand):
    help = "Publish results of one auction whose price rises, as the auction service would. For demos."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--auction-id", type=int, default=3753, help="default: %(default)s")
        parser.add_argument("--bids", type=int, default=10, help="how many results (default: %(default)s)")
        parser.add_argument("--pause", type=float, default=1.0, help="seconds between two (default: %(default)s)")

    def handle(self, *, auction_id: int, bids: int, pause: float, **options: Any) -> None:
        require_kafka()
        require_registry()
        try:
            encoder = AvroEncoder(registry(), TOPIC, SCHEMA)
        except RegistryUnavailable as error:
            raise CommandError(str(error)) from error
        producer = Producer(producer_configuration())
        begin, price = int(time.time() * 1000), 100_000
        for bid in range(1, bids + 1):
            price += random.randrange(1, 10) * 1000  # a demo's price  # noqa: S311
            result = {
                "id": auction_id, "type": "NORMAL", "phaseId": None, "state": "PUBLIC", "bidsCount": bid,
                "biddersCount": min(bid, 3), "winnerId": 7 + bid % 3, "currentPrice": price,
                "priceBidAutoHighest": price, "timeStart": begin, "timeEnd": begin + 3_600_000, "isSold": 0,
            }  # fmt: skip
            producer.produce(TOPIC, encoder.encode(result), str(auction_id))
            if producer.flush(10):
                raise CommandError(
                    f"Kafka at {KafkaSettings.current().KAFKA_BOOTSTRAP_SERVERS} does not take the result."
                )
            self.stdout.write(f"auction {auction_id}: {bid} bids, price {price}")
            if bid < bids:
                time.sleep(pause)
