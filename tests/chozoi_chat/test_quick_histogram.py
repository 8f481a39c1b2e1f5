"""The histogram of events says what prometheus-client's own says of the same values."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from chozoi_chat.quick_histogram import QuickHistogram

BUCKETS = (0.001, 0.01, 0.5, 2.0)


def test_it_is_served_as_prometheus_own() -> None:
    quick, own = CollectorRegistry(), CollectorRegistry()
    ours = QuickHistogram("times", "some times", ["event", "outcome"], BUCKETS, quick)
    theirs = Histogram("times", "some times", ["event", "outcome"], buckets=BUCKETS, registry=own)
    for value in (0.0, 0.001, 0.0011, 0.01, 0.3, 2.0, 2.1, 900.0):
        for labels in (("new_message", "ok"), ("typing", "rate_limited")):
            ours.observe(labels, value)
            theirs.labels(*labels).observe(value)

    def samples(registry: CollectorRegistry) -> list[str]:
        return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]

    assert samples(quick) == samples(own)
