"""Traces of events, for OpenTelemetry: from the frame that a client sent to the store and to what is emitted.

A trace has a span for the event, from the receipt of its frame to its answer; of a message that is stored, three more
below it: how long it waited for a batch, how long the batch took to store, and how long to announce.

Off by default. It needs the packages opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http, which read their own
variables (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` …).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from django.dispatch import receiver

from chozoi_chat.log_ids import ids_now
from conversations.signals import batch_written, draft_submitted
from socketio_bridge import InvalidArguments, Namespace, Socket, UnknownEvent
from socketio_bridge.namespace import CallNext
from socketio_bridge.sockets.current import current_event

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

NAME: Final = "chozoi_chat"
MOST: Final = 10_000
"""Messages of which it is known who waits for them."""


def trace_events(namespaces: Iterable[Namespace], provider: TracerProvider | None = None) -> None:
    """Have events traced. To be called once, before the first connection.

    Args:
        namespaces: Whose events; those of other instances of their classes are traced, too.
        provider: Where spans go; None: by OTLP, as OpenTelemetry's variables say.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """
    tracing = _Tracing(_exporting() if provider is None else provider)
    for kind in {type(namespace) for namespace in namespaces}:
        kind.event_middleware = (tracing.handle, *kind.event_middleware)
    receiver(draft_submitted, weak=False)(tracing.note_draft)
    receiver(batch_written, weak=False)(tracing.note_batch)


def _exporting() -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class _Tracing:
    """Makes the spans.

    Messages are stored in batches, apart from the handlers that wait for them: a draft is known again by its identity.
    """

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace

        self._api = trace
        self._tracer = provider.get_tracer(NAME)
        self._waiting: dict[int, tuple[Any, float]] = {}  # by `id` of a draft: the context above it, and since when

    async def handle(self, socket: Socket, event: str, arguments: list[Any], call_next: CallNext) -> Any:
        """Event middleware: a span around the handler."""
        began, trace = current_event(), self._api
        received_at = time.monotonic() if began is None else began.received_at
        ids = {f"chat.{name}": value for name, value in ids_now().items()}
        span = self._tracer.start_span(
            event[:80], kind=trace.SpanKind.SERVER, start_time=_instant(received_at), attributes=ids
        )
        span.set_attribute("socketio.namespace", socket.namespace)
        try:
            with trace.use_span(span, record_exception=False, set_status_on_exception=False):
                return await call_next(arguments)
        except Exception as error:
            code = getattr(error, "code", None)
            span.set_attribute("socketio.outcome", str(code or type(error).__name__))
            if isinstance(error, UnknownEvent):
                span.update_name("unknown event")
            elif code is None and not isinstance(error, InvalidArguments):
                span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            span.end()

    def note_draft(self, sender: Any, *, draft: Any, **kwargs: Any) -> None:
        """A message waits from now on."""
        self._waiting.pop(id(draft), None)  # of one that was never in a batch
        span = self._api.get_current_span()
        if len(self._waiting) >= MOST:
            self._waiting.clear()
        if span.get_span_context().trace_flags.sampled:
            self._waiting[id(draft)] = self._api.set_span_in_context(span), time.monotonic()

    def note_batch(self, sender: Any, *, drafts: Sequence[Any], seconds: float, storing: float, **kwargs: Any) -> None:
        """Messages were stored and announced, or not."""
        ended = time.monotonic()
        began = ended - seconds
        stored = min(ended, began + storing)
        for draft in drafts:
            above, since = self._waiting.pop(id(draft), (None, 0.0))
            if above is not None:
                for name, start, end in (
                    ("wait", min(since, began), began),
                    ("store", began, stored),
                    ("emit", stored, ended),
                ):
                    span = self._tracer.start_span(name, above, start_time=_instant(start))
                    span.set_attribute("chat.batch", len(drafts))
                    span.end(_instant(end))


def _instant(monotonic: float) -> int:
    """The Unix time in nanoseconds of an instant of `time.monotonic`."""
    return int((time.time() - time.monotonic() + monotonic) * 1e9)
