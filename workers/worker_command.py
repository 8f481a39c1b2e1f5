"""A `manage.py` command that runs a worker until a signal ends it."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any, ClassVar

from django.core.management.base import BaseCommand

from workers.configuration import WorkerSettings
from workers.report import WorkerReport
from workers.status_server import status_served
from workers.store_metrics import measure_stores


class WorkerCommand(BaseCommand):
    """Base of the workers' commands: checks the settings, serves the status port, and stops on SIGTERM or SIGINT.

    A second signal ends the process at once, and SIGALRM one that has not stopped after SHUTDOWN_WINDOW seconds.

    Attributes:
        metrics_prefix: The beginning of the metrics' names.
        unit: What the worker handles: "records", "events".
    """

    metrics_prefix: ClassVar[str]
    unit: ClassVar[str]

    def require(self) -> None:
        """Check that the settings have what the worker needs. CommandError: they lack it."""

    def work(self, report: WorkerReport, stop: threading.Event, **options: Any) -> None:
        """Work until `stop` is set.

        Args:
            report: Where the worker reports its state.
            stop: Is set by the first signal.
            options: The command's own options.
        """
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--status-port`; a command with options of its own adds them as well."""
        parser.add_argument(
            "--status-port",
            type=int,
            default=WorkerSettings.current().WORKER_STATUS_PORT,
            help="port of /metrics and /readyz, 0 for none (WORKER_STATUS_PORT, now %(default)s)",
        )

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Have the stores measured, where metrics are served, before checks ask them anything; then run the command."""
        if options["status_port"]:
            measure_stores()
        return super().execute(*args, **options)

    def handle(self, *, status_port: int, **options: Any) -> None:
        """Run the worker. CommandError: the settings lack what it needs, or the port cannot be used."""
        self.require()
        settings = WorkerSettings.current()
        stop = _stop_on_signals(settings.SHUTDOWN_WINDOW)
        report = WorkerReport(self.metrics_prefix, self.unit, stop=stop)
        with status_served(report.pages(), settings.WORKER_STATUS_HOST, status_port):
            self.work(report, stop, **options)


def _stop_on_signals(window: float) -> threading.Event:
    """An event that SIGTERM or SIGINT sets, `window` seconds before the process ends anyhow; for the main thread."""
    stop = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.setitimer(signal.ITIMER_REAL, window)
        for again in (signal.SIGTERM, signal.SIGINT):
            signal.signal(again, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, request)
    return stop
