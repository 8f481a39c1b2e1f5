"""A worker's state: its Prometheus metrics, and the summary that `/readyz` answers."""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from workers import store_metrics
from workers.status_server import Page, Pages

STARTING = "starting"
WINDOW = 60.0
"""Seconds over which throughput is an average."""


class Report(Protocol):
    """Where work that goes on tells its state. Its methods may be called from any thread."""

    def enter(self, state: str) -> None:
        """Note what is done from now on, such as "consuming" or "standby"."""

    def handled(self, number: int = 1, kind: str = "") -> None:
        """Count what was handled to the end.

        Args:
            number: How many.
            kind: The topic, or the event's type.
        """

    def dead_letter(self) -> None:
        """Count a dead letter."""

    def lag(self, of: str, value: float) -> None:
        """Note how far the work is behind.

        Args:
            of: The partition, or the unit of `value`.
            value: How far.
        """

    def lags(self, lag: dict[str, float]) -> None:
        """Note all lags; those not named are removed, since they are no longer of this work."""

    def failed(self, where: str, problem: object) -> bool:
        """Note a failure that keeps the worker from being ready until `recovered`.

        Args:
            where: What failed: "kafka", "delivery".
            problem: What was wrong.

        Returns:
            Whether it is new, and so worth a line in the log.
        """

    def recovered(self, where: str) -> bool:
        """Note that something works again.

        Returns:
            Whether it had failed.
        """


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
        self._states = {"": STARTING}
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

    def part(self, name: str) -> Report:
        """The report of one of several works that go on in the worker, which is ready when all are.

        Args:
            name: What it is called beside the others.
        """
        with self._lock:
            self._states.pop("", None)
            self._states[name] = STARTING
        return _Part(self, name)

    def enter(self, state: str) -> None:
        """Note what the worker does from now on, such as "consuming" or "standby"."""
        self.enter_part("", state)

    def enter_part(self, name: str, state: str) -> None:
        """As `enter`, of one of several works."""
        with self._lock:
            self._states[name] = state

    def handled(self, number: int = 1, kind: str = "") -> None:
        """See `Report`."""
        self._count.labels(kind).inc(number)
        with self._lock:
            self._handled.append((self._clock(), number))
            self._forget_old()

    def dead_letter(self) -> None:
        """See `Report`."""
        self._dead_letters.inc()
        with self._lock:
            self._dead += 1

    def lag(self, of: str, value: float) -> None:
        """See `Report`."""
        self._lags.labels(of).set(value)
        with self._lock:
            self._lag[of] = value

    def lags(self, lag: dict[str, float], among: str = "") -> None:
        """See `Report`.

        Args:
            lag: The lags.
            among: Of those that begin so, the others are removed.
        """
        with self._lock:
            gone = {of for of in self._lag if of.startswith(among)} - lag.keys()
            for of in gone:
                del self._lag[of]
        for of in gone:
            self._lags.remove(of)
        for of, value in lag.items():
            self.lag(of, value)

    def failed(self, where: str, problem: object) -> bool:
        """See `Report`."""
        text = str(problem)
        self._errors.labels(where).inc()
        self._last_error_at.set_to_current_time()
        with self._lock:
            news = self._problems.get(where) != text
            self._problems[where] = text
            self._last_error = {"where": where, "message": text, "at": _now()}
            return news

    def recovered(self, where: str) -> bool:
        """See `Report`."""
        with self._lock:
            return self._problems.pop(where, None) is not None

    def ready(self) -> bool:
        """Whether the worker is ready."""
        with self._lock:
            return STARTING not in self._states.values() and not self._problems and not self._stop.is_set()

    def summary(self) -> dict[str, Any]:
        """The body of `/readyz`; docs/kafka.md describes it."""
        ready = self.ready()
        with self._lock:
            self._forget_old()
            states = self._states
            state = states[""] if "" in states else ", ".join(f"{name}: {state}" for name, state in states.items())
            return {
                "status": "ok" if ready else "unavailable",
                "state": "stopping" if self._stop.is_set() else state,
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


class _Part:
    """A `Report` whose failures, lags and state bear its name."""

    def __init__(self, worker: WorkerReport, name: str) -> None:
        self._worker = worker
        self._name = name

    def enter(self, state: str) -> None:
        self._worker.enter_part(self._name, state)

    def handled(self, number: int = 1, kind: str = "") -> None:
        self._worker.handled(number, kind)

    def dead_letter(self) -> None:
        self._worker.dead_letter()

    def lag(self, of: str, value: float) -> None:
        self._worker.lag(f"{self._name}: {of}", value)

    def lags(self, lag: dict[str, float]) -> None:
        self._worker.lags({f"{self._name}: {of}": value for of, value in lag.items()}, f"{self._name}: ")

    def failed(self, where: str, problem: object) -> bool:
        return self._worker.failed(f"{self._name}: {where}", problem)

    def recovered(self, where: str) -> bool:
        return self._worker.recovered(f"{self._name}: {where}")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
