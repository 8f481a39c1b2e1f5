"""A worker's state: its Prometheus metrics, and the summary that `/readyz` answers."""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from workers import store_metrics
from workers.status_server import Page, Pages

WINDOW = 60.0
"""Seconds over which throughput is an average."""


class WorkerReport:
    """The metrics and the state of one worker. Its methods may be called from any thread.

        report = WorkerReport("auction_results", "records")
        report.enter("consuming")
        report.handled(1, "chozoi.socket.auction.result")

    A worker is ready when it has entered a state, nothing has failed that did not recover, and it was not told to stop.

    Args:
        name: The beginning of the metrics' names.
        unit: What it handles: "records", "events".
        clock: A monotonic clock, in seconds.
        stop: Is set when the worker is told to stop.

    Attributes:
        registry: The metrics.
    """

    def __init__(
        self,
        name: str,
        unit: str,
        clock: Callable[[], float] = time.monotonic,
        stop: threading.Event | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self._stop = stop or threading.Event()
        self._clock = clock
        self._lock = threading.Lock()
        self._state = "starting"
        self._entered = False
        self._problems: dict[str, str] = {}
        self._last_error: dict[str, str] | None = None
        self._handled: deque[tuple[float, int]] = deque()
        self._lag: dict[str, float] = {}
        self._dead = 0
        self._count = Counter(f"{name}_{unit}", f"{unit} handled", ["kind"], registry=self.registry)
        self._dead_letters = Counter(f"{name}_dead_letters", f"{unit} set aside as unreadable", registry=self.registry)
        self._errors = Counter(f"{name}_errors", "failures, each tried again", ["where"], registry=self.registry)
        self._lags = Gauge(f"{name}_lag", "how far behind: see docs/kafka.md", ["of"], registry=self.registry)
        self._last_error_at = Gauge(f"{name}_last_error_timestamp_seconds", "Unix time", registry=self.registry)
        ready = Gauge(f"{name}_ready", "1 when /readyz answers 200", registry=self.registry)
        ready.set_function(lambda: float(self.ready()))

    def enter(self, state: str) -> None:
        """Note what the worker does from now on, such as "consuming" or "standby"."""
        with self._lock:
            self._entered, self._state = True, state

    def handled(self, number: int = 1, kind: str = "") -> None:
        """Count what was handled to the end.

        Args:
            number: How many.
            kind: The topic, or the event's type.
        """
        self._count.labels(kind).inc(number)
        with self._lock:
            self._handled.append((self._clock(), number))
            self._forget_old()

    def dead_letter(self) -> None:
        """Count a dead letter."""
        self._dead_letters.inc()
        with self._lock:
            self._dead += 1

    def lag(self, of: str, value: float) -> None:
        """Note how far the worker is behind.

        Args:
            of: The partition, or the unit of `value`.
            value: How far.
        """
        self._lags.labels(of).set(value)
        with self._lock:
            self._lag[of] = value

    def lags(self, lag: dict[str, float]) -> None:
        """Note all lags; those not named are removed, since they are no longer this worker's."""
        with self._lock:
            gone = self._lag.keys() - lag.keys()
            for of in gone:
                del self._lag[of]
        for of in gone:
            self._lags.remove(of)
        for of, value in lag.items():
            self.lag(of, value)

    def failed(self, where: str, problem: object) -> bool:
        """Note a failure that keeps the worker from being ready until `recovered`.

        Args:
            where: What failed: "kafka", "delivery".
            problem: What was wrong.

        Returns:
            Whether it is new, and so worth a line in the log.
        """
        text = str(problem)
        self._errors.labels(where).inc()
        self._last_error_at.set_to_current_time()
        with self._lock:
            news = self._problems.get(where) != text
            self._problems[where] = text
            self._last_error = {"where": where, "message": text, "at": _now()}
            return news

    def recovered(self, where: str) -> bool:
        """Note that something works again.

        Returns:
            Whether it had failed.
        """
        with self._lock:
            return self._problems.pop(where, None) is not None

    def ready(self) -> bool:
        """Whether the worker is ready."""
        with self._lock:
            return self._entered and not self._problems and not self._stop.is_set()

    def summary(self) -> dict[str, Any]:
        """The body of `/readyz`; docs/kafka.md describes it."""
        ready = self.ready()
        with self._lock:
            self._forget_old()
            return {
                "status": "ok" if ready else "unavailable",
                "state": "stopping" if self._stop.is_set() else self._state,
                "problems": dict(self._problems),
                "lag": dict(self._lag),
                "per_second": round(sum(number for _, number in self._handled) / WINDOW, 3),
                "dead_letters": self._dead,
                "last_error": self._last_error,
            }

    def pages(self) -> Pages:
        """`/metrics`, `/healthz` and `/readyz`."""
        return {"/metrics": self._metrics, "/healthz": lambda: Page(200, b'{"status": "ok"}'), "/readyz": self._readyz}

    def _metrics(self) -> Page:
        own, of_stores = generate_latest(self.registry), generate_latest(store_metrics.registry)
        return Page(200, own + of_stores, CONTENT_TYPE_LATEST)

    def _readyz(self) -> Page:
        summary = self.summary()
        return Page(200 if summary["status"] == "ok" else 503, json.dumps(summary).encode())

    def _forget_old(self) -> None:
        oldest = self._clock() - WINDOW
        while self._handled and self._handled[0][0] < oldest:
            self._handled.popleft()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
