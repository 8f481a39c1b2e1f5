"""The metrics of a server process, for Prometheus. docs/metrics.md is made from what is declared here.

The bridge, the chat and the stores tell what happens by hooks and signals of their own and know no Prometheus. Labels
have few values: names that the code declares, codes, versions; never an id, an address or what a client sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError
from django.dispatch import receiver
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from chozoi_chat.quick_histogram import QuickHistogram
from conversations.signals import batch_written, limit_reached, request_refused
from moderation.signals import act_recorded, draft_caught, report_filed
from persistence.availability import StoreUnavailable
from persistence.mongodb import STORE_ERRORS, in_store_thread
from presence import current as current_presence
from socketio_bridge import SocketIOServer
from socketio_bridge.instrumentation import instrument
from socketio_bridge.signals import connection_error
from socketio_bridge.statistics import Statistics
from workers import store_metrics
from workers.status_server import Page, status_served
from workers.store_metrics import SECONDS, StoreInstrumentation, measure_stores

logger = logging.getLogger(__name__)

SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
SAMPLED: Final = 16
"""Of so many answers, and of so many send queues that are written out, one is timed: each costs a microsecond."""
LAG_INTERVAL: Final = 0.5  # seconds between two looks at the event loop's lag
QUEUE_INTERVAL: Final = 60.0  # seconds between two looks at what waits for staff
PATIENCE: Final = 2.0  # seconds that a scrape waits for the event loop

registry = CollectorRegistry()

EVENTS = QuickHistogram(
    "socketio_event_seconds",
    "handlers of events, by namespace, event (empty: not declared) and outcome: ok, the code of the "
    "refusal, or the error's class",
    ["namespace", "event", "outcome"],
    buckets=SECONDS,
    registry=registry,
)
ANSWERS = Histogram(
    "socketio_event_answer_seconds",
    f"from the receipt of an event until it is handled and its acknowledgement queued; one of {SAMPLED} is timed",
    buckets=SECONDS,
    registry=registry,
)
WRITES = Histogram(
    "socketio_write_seconds",
    f"from the first packet in a send queue until all is written to the WebSocket; one of {SAMPLED} is timed",
    buckets=SECONDS,
    registry=registry,
)
DROPPED = Counter("socketio_slow_clients", "clients disconnected because they read too slowly", registry=registry)
REFUSED_HANDSHAKES = Counter(
    "socketio_handshakes_refused", "requests refused, by Engine.IO's code", ["code"], registry=registry
)
REFUSALS = Counter(
    "chat_refusals",
    "REST calls and sign-ins refused, by door (rest, connect) and code; limits are rate_limited and overloaded",
    ["door", "code"],
    registry=registry,
)
BATCHES = Histogram("chat_batch_messages", "messages that were stored together", buckets=SIZES, registry=registry)
BATCH_WAITS = Histogram(
    "chat_batch_wait_seconds", "how long the first message of a batch waited for it", buckets=SECONDS, registry=registry
)
BATCH_TIMES = Histogram(
    "chat_batch_seconds", "how long a batch took to store and announce", buckets=SECONDS, registry=registry
)
LIMITS = Counter(
    "limits_reached",
    "refusals because there was too much, by limit: the setting that sets it (EVENT_RATE_USER …), or refused_events "
    "(a socket with too many was disconnected), waiting_messages, waiting_images, waiting_images_of_user, "
    "unfinished_reports, slow_mode",
    ["limit"],
    registry=registry,
)
CAUGHT = Counter(
    "moderation_caught",
    "texts that filters hit, by what came of it: note, flag, hold, refuse",
    ["action"],
    registry=registry,
)
REPORTS = Counter(
    "moderation_reports", "new reports, by reason; those of filters are filter", ["reason"], registry=registry
)
ACTS = Counter("moderation_acts", "acts of staff, by act", ["act"], registry=registry)
OPEN_REPORTS = Gauge(
    "moderation_open_reports", "reports that nobody has taken, 1000 at most; looked at each minute", registry=registry
)
OLDEST_REPORT = Gauge(
    "moderation_oldest_open_report_seconds", "how long the first of them has waited; 0: none waits", registry=registry
)
HELD = Gauge(
    "moderation_held_messages", "messages that filters hold until staff have decided, 1000 at most", registry=registry
)
LAG = Histogram(
    "event_loop_lag_seconds",
    f"by how much a timer of the event loop is late, looked at each {LAG_INTERVAL:g} s",
    buckets=SECONDS,
    registry=registry,
)
MOMENTARY: Final = {
    "socketio_sockets": "sockets, by Engine.IO protocol, transport and namespace",
    "socketio_connections": "connections; one has a socket in each namespace that it joined",
    "socketio_send_queue_bytes": "bytes in all send queues",
    "socketio_congested_connections": "connections of which no more is read, since their events wait (back pressure)",
    "socketio_nodes": "other processes that this one hears",
    "presence_users": "users with a socket in this process",
}
"""What is counted when it is asked for, with its meaning."""


class _Measured(StoreInstrumentation):
    """Notes what the bridge tells."""

    def __init__(self) -> None:
        super().__init__()
        self._queues = self._answers = 0

    def event_handled(self, namespace: str, event: str, error: BaseException | None, seconds: float) -> None:
        outcome = "ok" if error is None else str(getattr(error, "code", type(error).__name__))
        EVENTS.observe((namespace, event, outcome), seconds)

    def event_answered(self, seconds: float) -> None:
        self._answers += 1
        if self._answers % SAMPLED == 0:
            ANSWERS.observe(seconds)

    def queue_written(self, seconds: float) -> None:
        self._queues += 1
        if self._queues % SAMPLED == 0:
            WRITES.observe(seconds)

    def client_dropped(self) -> None:
        DROPPED.inc()


def measure() -> None:
    """Have all that happens in this process measured. To be called before the first client of MongoDB is made."""
    measure_stores()
    instrument(_Measured())
    receiver(batch_written, weak=False)(_note_batch)
    receiver(request_refused, weak=False)(_note_refusal)
    receiver(limit_reached, weak=False)(_note_limit)
    receiver(draft_caught, weak=False)(_note_caught)
    receiver(report_filed, weak=False)(_note_report)
    receiver(act_recorded, weak=False)(_note_act)
    receiver(connection_error, weak=False)(_note_handshake)


def _note_batch(sender: Any, *, drafts: Sequence[Any], waited: float, seconds: float, **kwargs: Any) -> None:
    BATCHES.observe(len(drafts))
    BATCH_WAITS.observe(waited)
    BATCH_TIMES.observe(seconds)


def _note_refusal(sender: Any, *, door: str, code: str, **kwargs: Any) -> None:
    REFUSALS.labels(door, code).inc()


def _note_limit(sender: Any, *, limit: str, **kwargs: Any) -> None:
    LIMITS.labels(limit).inc()


def _note_caught(sender: Any, *, action: str, **kwargs: Any) -> None:
    CAUGHT.labels(action).inc()


def _note_report(sender: Any, *, reason: str, **kwargs: Any) -> None:
    REPORTS.labels(reason).inc()


def _note_act(sender: Any, *, act: str, **kwargs: Any) -> None:
    ACTS.labels(act).inc()


async def _note_handshake(sender: Any, *, code: int, **kwargs: Any) -> None:
    REFUSED_HANDSHAKES.labels(str(code)).inc()


def with_metrics(application: Any, server: SocketIOServer) -> Any:
    """Wrap an ASGI application: while it lives, `/metrics` is served on a port of its own."""

    async def measured(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            async with _metrics_served(server):
                await application(scope, receive, send)
        else:
            await application(scope, receive, send)

    return measured


@asynccontextmanager
async def _metrics_served(server: SocketIOServer) -> AsyncIterator[None]:
    momentary = _Momentary(server, asyncio.get_running_loop())
    registry.register(momentary)
    watches = [
        asyncio.create_task(_watch_lag(), name="event loop lag"),
        asyncio.create_task(_watch_queues(), name="moderation's queues"),
    ]
    try:
        with ExitStack() as served:
            await asyncio.to_thread(_serve_on_first_free_port, served)
            yield
            await asyncio.to_thread(served.close)
    finally:
        for watch in watches:
            watch.cancel()
        registry.unregister(momentary)


def _serve_on_first_free_port(served: ExitStack) -> None:
    """Each worker of a machine has a port, also while a worker and its successor overlap."""
    ports = range(settings.METRICS_PORT, settings.METRICS_PORT + 2 * settings.WEB_CONCURRENCY)
    for port in ports:
        try:
            served.enter_context(status_served({"/metrics": _page}, settings.METRICS_HOST, port))
        except CommandError:
            continue
        logger.info("Metrics are at http://%s:%d/metrics.", settings.METRICS_HOST, port)
        return
    logger.error("There are no metrics: ports %d to %d are taken. Set METRICS_PORT.", ports[0], ports[-1])


def _page() -> Page:
    return Page(200, generate_latest(registry) + generate_latest(store_metrics.registry), CONTENT_TYPE_LATEST)


async def _watch_lag() -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_INTERVAL
        await asyncio.sleep(LAG_INTERVAL)
        LAG.observe(max(0.0, loop.time() - due))


async def _watch_queues() -> None:
    from moderation.services.queues import queues_of_staff  # which needs Django's registry; `measure` is called before

    while True:
        with suppress(StoreUnavailable, *STORE_ERRORS):  # which is logged as an outage
            waiting = await in_store_thread(queues_of_staff)
            OPEN_REPORTS.set(waiting.open_reports)
            OLDEST_REPORT.set(waiting.oldest_report)
            HELD.set(waiting.held_messages)
        await asyncio.sleep(QUEUE_INTERVAL)


class _Momentary(Collector):
    """Counts in the event loop, when a scrape asks in its thread; a loop that is stuck gives nothing."""

    def __init__(self, server: SocketIOServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing: it is not to be counted when it is registered."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        look = asyncio.run_coroutine_threadsafe(self._look(), self._loop)
        try:
            held, users = look.result(PATIENCE)
        except TimeoutError:
            look.cancel()
            return
        by = ["protocol", "transport", "namespace"]
        sockets = GaugeMetricFamily("socketio_sockets", MOMENTARY["socketio_sockets"], labels=by)
        for kind, count in held.sockets.items():
            sockets.add_metric([str(kind.protocol), kind.transport, kind.namespace], count)
        yield sockets
        values = (held.sessions, held.queued, held.congested, held.nodes, users)
        for name, value in zip(list(MOMENTARY)[1:], values, strict=True):
            yield GaugeMetricFamily(name, MOMENTARY[name], value=value)

    async def _look(self) -> tuple[Statistics, int]:
        return self._server.statistics(), current_presence().users_here


def document() -> str:
    """Return docs/metrics.md: each metric with its type, labels and meaning."""
    rows = [f"| `{name}` | gauge | {meaning} |" for name, meaning in MOMENTARY.items()]
    for family in (family for declared in (registry, store_metrics.registry) for family in declared.collect()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append(f"| `{name}` | {family.type} | {family.documentation} |")
    return HEAD + "\n".join(rows) + "\n"


HEAD: Final = """# Metrics of the server

Made from the code by `make docs`. With `METRICS_PORT`, each server process serves these at `/metrics`: at
`METRICS_HOST` (127.0.0.1 by default; not for the public), on the first free port from `METRICS_PORT` on. So each of
several workers has its own. Scrape twice as many ports as there are workers: one that is replaced overlaps with its
successor. Beside them stand Prometheus' own `process_…`: CPU, memory, open files.

`deploy/prometheus/alerts.yml` has alerts on them, each with why it matters and what to do first, and `prometheus.yml`
beside it what to scrape; `deploy/grafana/chat.json` is a dashboard to import. The suite tries each alert by promtool,
in its trouble and while all is well, and compares every name with the code. No real Grafana has shown it yet.

No label holds an id, an address or what a client sent. The Kafka workers have [theirs](kafka.md#watching-the-commands).

| metric | type | meaning |
| --- | --- | --- |
"""
