"""`manage.py relay_events`: conversation events from MongoDB to Kafka. Run two: one works, the other takes over."""

import threading
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from event_relay.change_stream import NoReplicaSet
from event_relay.management.instants import instant
from event_relay.relay import Relay
from event_relay.sinks.kafka import kafka
from kafka_workers.command import KafkaCommand
from workers.report import WorkerReport


class Command(KafkaCommand):
    help = (
        "Relay conversation events to KAFKA_EVENTS_TOPIC until SIGTERM. Of several, one works and the others stand by."
    )
    metrics_prefix = "event_relay"
    unit = "events"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=instant,
            help="first send what the collections show to have happened since then (ISO 8601, UTC unless it says)",
        )
        super().add_arguments(parser)

    def work(
        self, report: WorkerReport, stop: threading.Event, *, since: datetime | None = None, **options: Any
    ) -> None:
        try:
            Relay(kafka(), report, stop, since).run()
        except NoReplicaSet as error:
            raise CommandError(str(error)) from error
