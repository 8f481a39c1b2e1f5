"""The metrics of deliveries, beside those of every worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram


class DeliveryMetrics:
    """Attempts to deliver, of all endpoints of a process.

    Args:
        registry: Where they are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "webhooks_attempts", "Attempts to deliver, by endpoint and what came of them", ["endpoint", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram("webhooks_attempt_seconds", "Time of an attempt", ["endpoint"], registry=registry)

    def count(self, endpoint: str, outcome: str, seconds: float) -> None:
        """Count an attempt.

        Args:
            endpoint: The endpoint's name.
            outcome: The status that it answered, "timeout" or "unreachable".
            seconds: How long the attempt took.
        """
        self._attempts.labels(endpoint, outcome).inc()
        self._seconds.labels(endpoint).observe(seconds)
