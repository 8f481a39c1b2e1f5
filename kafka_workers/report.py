"""How a worker fares: counted for Prometheus, and described in a few words to whoever asks whether it is ready."""

from __future__ import annotations

import datetime
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

WINDOW = 60.0
"""Seconds over which throughput is an average."""


class WorkerReport:
    """One worker's metrics and state. `name` begins the metrics' names; `unit` is what it handles: "records", "events".

    Ready means: it has begun its work, and nothing stands in its way now. `clock`: seconds, only ever growing. Methods
    may be called from any thread.
    """

    def __init__(self, name: str, unit: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._clock = clock
        self._lock = threading.Lock()
        self._state = "starting"
        self._begun = False
        self._problems: dict[str, str] = {}
        self._last_error: dict[str, str] | None = None
        self._done: deque[tuple[float, int]] = deque()
        self._lag: dict[str, float] = {}
        self._dead = 0
        self._count = Counter(f"{name}_{unit}", f"{unit} handled", ["kind"], registry=self.registry)
        self._dead_letters = Counter(f"{name}_dead_letters", f"{unit} set aside as unreadable", registry=self.registry)
        self._errors = Counter(f"{name}_errors", "failures, each tried again", ["where"], registry=self.registry)
        self._lags = Gauge(f"{name}_lag", "how far behind: see docs/kafka.md", ["of"], registry=self.registry)
        self._last_error_at = Gauge(f"{name}_last_error_timestamp_seconds", "Unix time", registry=self.registry)
        ready = Gauge(f"{name}_ready", "1 when /readyz answers 200", registry=self.registry)
        ready.set_function(lambda: float(self.ready()))

    def begin(self, state: str) -> None:
        """The worker does now what `state` says ("consuming", "standby")."""
        with self._lock:
            self._begun, self._state = True, state

    def done(self, number: int = 1, kind: str = "") -> None:
        """So many were handled to the end."""
        self._count.labels(kind).inc(number)
        with self._lock:
            self._done.append((self._clock(), number))
            self._forget_old()

    def dead_letter(self) -> None:
        """One was unreadable and is set aside."""
        self._dead_letters.inc()
        with self._lock:
            self._dead += 1

    def lag(self, of: str, value: float) -> None:
        """How far the worker is behind; `of` names the partition, or the unit of `value`."""
        self._lags.labels(of).set(value)
        with self._lock:
            self._lag[of] = value

    def lags(self, lag: dict[str, float]) -> None:
        """All lags there are: those not named are no longer this worker's."""
        with self._lock:
            gone = self._lag.keys() - lag.keys()
            for of in gone:
                del self._lag[of]
        for of in gone:
            self._lags.remove(of)
        for of, value in lag.items():
            self.lag(of, value)

    def trouble(self, where: str, problem: object) -> bool:
        """Something stands in the way, until `well`. True where that is news, worth a line in the log."""
        text = str(problem)
        self._errors.labels(where).inc()
        self._last_error_at.set_to_current_time()
        with self._lock:
            news = self._problems.get(where) != text
            self._problems[where] = text
            self._last_error = {"where": where, "message": text, "at": _now()}
            return news

    def well(self, where: str) -> bool:
        """Nothing stands in the way there any more. True where something did."""
        with self._lock:
            return self._problems.pop(where, None) is not None

    def ready(self) -> bool:
        """Whether the worker does its work."""
        with self._lock:
            return self._begun and not self._problems

    def summary(self) -> dict[str, Any]:
        """What `/readyz` answers."""
        ready = self.ready()
        with self._lock:
            self._forget_old()
            return {
                "status": "ok" if ready else "unavailable",
                "state": self._state,
                "problems": dict(self._problems),
                "lag": dict(self._lag),
                "per_second": round(sum(number for _, number in self._done) / WINDOW, 3),
                "dead_letters": self._dead,
                "last_error": self._last_error,
            }

    def metrics(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _forget_old(self) -> None:
        oldest = self._clock() - WINDOW
        while self._done and self._done[0][0] < oldest:
            self._done.popleft()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
