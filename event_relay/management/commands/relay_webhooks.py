"""`manage.py relay_webhooks`: conversation events to the endpoints of WEBHOOKS. Of two, one works for each."""

import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from event_relay.change_stream import NoReplicaSet
from event_relay.management.instants import instant
from event_relay.position import Lease
from event_relay.relay import Relay
from event_relay.sinks.sink import Destination
from event_relay.webhooks.configuration import WebhookSettings
from event_relay.webhooks.metrics import DeliveryMetrics
from event_relay.webhooks.sink import position_of, webhook
from event_relay.webhooks.unread import position_of_unread, unread_webhook
from workers.report import WorkerReport
from workers.worker_command import WorkerCommand


class Command(WorkerCommand):
    help = (
        "Deliver conversation events to the endpoints of WEBHOOKS until SIGTERM. Of several such processes one works "
        "for each endpoint, and the others stand by."
    )
    metrics_prefix = "webhooks"
    unit = "events"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=instant,
            help="first send what the collections show to have happened since then (ISO 8601, UTC unless it says)",
        )
        parser.add_argument(
            "--resume",
            metavar="ENDPOINT",
            help="deliver again to an endpoint that answered 410 Gone, from where it stopped, and end; a process that "
            "runs, or the next one, does it",
        )
        super().add_arguments(parser)

    def require(self) -> None:
        if not WebhookSettings.current().WEBHOOKS:
            raise CommandError("WEBHOOKS is not set, so there is nobody to tell; docs/webhooks.md says how to set it.")

    def handle(self, *, resume: str | None = None, **options: Any) -> None:
        if resume is None:
            super().handle(**options)
            return
        if resume not in WebhookSettings.current().WEBHOOKS:
            raise CommandError(f"WEBHOOKS has no endpoint {resume!r}.")
        positions = (position_of(resume), position_of_unread(resume))
        resumed = [Lease(position, "").resume() for position in positions]
        self.stdout.write(f"{resume} gets events again." if any(resumed) else f"{resume} was not paused.")

    def work(
        self, report: WorkerReport, stop: threading.Event, *, since: datetime | None = None, **options: Any
    ) -> None:
        failures: list[BaseException] = []

        def run(relay: Relay) -> None:
            try:
                relay.run()
            except BaseException as error:
                failures.append(error)
                stop.set()

        metrics = DeliveryMetrics(report.registry)
        threads = []
        for name, destination in _destinations(metrics):
            relay = Relay(destination, report.part(name), stop, since)
            threads.append(threading.Thread(target=run, args=[relay], name=destination.name))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for failure in failures:
            if isinstance(failure, NoReplicaSet):
                raise CommandError(str(failure)) from failure
            raise failure


def _destinations(metrics: DeliveryMetrics) -> Iterator[tuple[str, Destination]]:
    """What there is to relay to, and what reports call it."""
    for name, endpoint in WebhookSettings.current().WEBHOOKS.items():
        destination = webhook(name, endpoint, metrics)
        if destination.sources:
            yield name, destination
        if endpoint.wants("message.unread"):
            yield f"{name} unread", unread_webhook(name, endpoint, metrics)
