"""`manage.py relay_events`: conversation events from MongoDB to Kafka. Run two: one works, the other takes over."""

import datetime
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from event_relay.change_stream import NoReplicaSet
from event_relay.relay import Relay
from kafka_workers.clients import require_kafka
from kafka_workers.report import WorkerReport
from kafka_workers.status_server import add_status_port, status_served
from kafka_workers.stopping import stop_on_signals
from persistence.timestamps import from_wire


class Command(BaseCommand):
    help = (
        "Relay conversation events to KAFKA_EVENTS_TOPIC until SIGTERM. Of several, one works and the others stand by."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=_instant,
            help="first send what the collections show to have happened since then (ISO 8601, UTC unless it says)",
        )
        add_status_port(parser)

    def handle(self, *, since: datetime.datetime | None, status_port: int, **options: Any) -> None:
        require_kafka()
        report = WorkerReport("event_relay", "events")
        stop = stop_on_signals()
        with status_served(report, settings.HOST, status_port):
            try:
                Relay(report, stop, since).run()
            except NoReplicaSet as error:
                raise CommandError(str(error)) from error


def _instant(text: str) -> datetime.datetime:
    try:
        return from_wire(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError(f"{text!r} is no instant; one is written like 2026-11-22T08:00:00Z") from None
