"""Traces: an event's span, and below it what became of its message, on a real MongoDB."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chozoi_chat.tracing import trace_events
from conversations import services
from conversations.requests import NewMessage
from conversations.signals import batch_written, draft_submitted
from identity import Role
from socketio_bridge import EventRefused, Namespace, Options, Socket, SocketIOServer, event
from tests.conversations.conftest import (  # noqa: F401  fixtures
    Emitted,
    buyer,
    database,
    emitted,
    migrated,
    person,
    room,
    seller,
)
from tests.eventually import eventually
from tests.socketio_bridge.client import FrameClient, connect

MESSAGE = {"room_id": "7.9", "from": "7", "to": "9", "type": "TEXT", "content": "a secret text"}


class Chat(Namespace):
    path = "/chat"

    async def on_connect(self, socket: Socket) -> None:
        socket.data.identity = person("7", Role.BUYER)

    @event("new_message", overlapping=True)
    async def new_message(self, socket: Socket, message: NewMessage) -> bool:
        await services.send_message(socket.data.identity, message)
        return True

    @event("refuse")
    async def refuse(self, socket: Socket) -> None:
        raise EventRefused("too_late", "too late")

    @event("fail")
    async def fail(self, socket: Socket) -> None:
        raise KeyError("a secret text")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans that have ended. Nothing is traced afterwards."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    receivers = {signal: list(signal.receivers) for signal in (draft_submitted, batch_written)}
    trace_events([Chat()], provider)
    yield exporter
    Chat.event_middleware = ()
    for signal, before in receivers.items():
        signal.receivers = before
        signal.sender_receivers_cache.clear()


@pytest.fixture
async def client(room: str, emitted: Emitted, spans: InMemorySpanExporter) -> AsyncIterator[FrameClient]:  # noqa: F811
    async with connect(SocketIOServer([Chat()], options=Options())) as client:
        await client.join("/chat")
        yield client
    await services.shut_down()


def times(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


async def test_each_message_of_a_batch_is_followed_from_its_frame_to_the_store_and_out(
    client: FrameClient, spans: InMemorySpanExporter
) -> None:
    for number in range(5):
        await client.send(f'42/chat,{number}["new_message",{json.dumps(MESSAGE | {"client_message_id": str(number)})}]')
    for _ in range(5):
        assert (await client.receive(10)).endswith("[true]")
    found = spans.get_finished_spans()
    events = [span for span in found if span.name == "new_message"]
    assert len(events) == 5
    for above in events:
        assert above.context is not None
        below = {span.name: span for span in found if span.parent and span.parent.span_id == above.context.span_id}
        assert set(below) == {"wait", "store", "emit"}
        wait, store, emit = (times(below[name]) for name in ("wait", "store", "emit"))
        slack = 2_000_000  # nanoseconds by which two readings of two clocks may differ
        begins = [times(above)[0], wait[0], store[0], emit[0], emit[1]]
        assert all(earlier <= later + slack for earlier, later in pairwise(begins))
        assert emit[1] <= times(above)[1] + slack
        assert above.attributes is not None
        assert above.attributes["chat.user_id"] == "7"
        assert above.attributes["chat.room_id"] == "7.9"
    assert "a secret text" not in "".join(span.to_json() for span in found)


@pytest.mark.parametrize(
    ("sent", "name", "outcome", "is_error"),
    [
        ("refuse", "refuse", "too_late", False),
        ("fail", "fail", "KeyError", True),
        ("a text of a client's own", "unknown event", "UnknownEvent", False),
    ],
)
async def test_what_came_of_an_event_is_in_its_span(
    client: FrameClient, spans: InMemorySpanExporter, sent: str, name: str, outcome: str, is_error: bool
) -> None:
    await client.send(f'42/chat,1["{sent}"]')
    await eventually(lambda: bool(spans.get_finished_spans()))
    [span] = spans.get_finished_spans()
    attributes: Any = span.attributes
    assert (span.name, attributes["socketio.outcome"], not span.status.is_unset) == (name, outcome, is_error)
    assert "a secret text" not in span.to_json()
