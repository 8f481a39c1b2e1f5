"""The bounded queue to one client."""

import asyncio
from collections.abc import Sequence

import pytest

from socketio_bridge.transports.send_queue import SendQueue
from tests.eventually import eventually


class Wire:
    """A client that reads when the gate is open."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.broken = False
        self.calls: list[str] = []

    async def send(self, frames: Sequence[str | bytes]) -> None:
        await self.gate.wait()
        if self.broken:
            raise OSError("broken pipe")
        self.frames.extend(frames)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def pulled(wire: Wire) -> SendQueue:
    """A queue whose client fetches."""
    return SendQueue(10, on_stuck=lambda: wire.calls.append("stuck"), on_broken=lambda: wire.calls.append("broken"))


@pytest.fixture
def outbound(pulled: SendQueue, wire: Wire) -> SendQueue:
    """A queue whose client is pushed to."""
    pulled.attach(wire.send)
    return pulled


async def test_frames_leave_in_order_and_drain_waits_for_them(wire: Wire, outbound: SendQueue) -> None:
    for frame in ("a", "b", "c"):
        outbound.put(frame)
    await outbound.drain()
    assert wire.frames == ["a", "b", "c"]


async def test_frames_that_belong_together_count_as_one_write(wire: Wire, outbound: SendQueue) -> None:
    """A packet whose attachments are more than the limit is no sign of a client that does not read."""
    outbound.put("packet", b"attachment", b"another attachment")
    await outbound.drain()
    assert wire.frames == ["packet", b"attachment", b"another attachment"]
    assert wire.calls == []


async def test_a_closed_queue_takes_nothing_more(wire: Wire, outbound: SendQueue) -> None:
    await outbound.drain()
    outbound.put("late")
    await asyncio.sleep(0)
    assert wire.frames == []


async def test_more_than_the_limit_waiting_is_a_client_that_does_not_read(wire: Wire, outbound: SendQueue) -> None:
    wire.gate.clear()
    for _ in range(5):
        outbound.put("abcd")
        await asyncio.sleep(0)
    assert wire.calls == ["stuck"]
    wire.gate.set()
    await outbound.drain()
    assert wire.frames == []


async def test_a_client_that_reads_slowly_but_reads_is_kept(wire: Wire, outbound: SendQueue) -> None:
    for _ in range(20):
        outbound.put("abcd")
        await asyncio.sleep(0)
    await outbound.drain()
    assert (len(wire.frames), wire.calls) == (20, [])


async def test_a_broken_transport_is_told_once(wire: Wire, outbound: SendQueue) -> None:
    wire.broken = True
    outbound.put("a")
    outbound.put("b")
    await asyncio.sleep(0)
    outbound.put("c")
    await asyncio.sleep(0)
    assert (wire.frames, wire.calls) == ([], ["broken"])


class TestFetching:
    async def test_all_that_waits_is_fetched_at_once(self, pulled: SendQueue) -> None:
        pulled.put("a")
        pulled.put("b")
        assert await pulled.take() == ["a", "b"]

    async def test_a_fetch_waits_for_the_next_packet(self, pulled: SendQueue) -> None:
        asyncio.get_running_loop().call_soon(pulled.put, "a")
        assert await pulled.take() == ["a"]

    async def test_a_fetch_is_let_go_with_nothing(self, pulled: SendQueue) -> None:
        asyncio.get_running_loop().call_soon(pulled.release)
        assert await pulled.take() == []

    async def test_a_client_that_does_not_fetch_is_stuck(self, pulled: SendQueue, wire: Wire) -> None:
        for _ in range(3):
            pulled.put("abcd")
        assert wire.calls == ["stuck"]

    async def test_what_was_not_fetched_is_pushed_when_a_sink_is_attached(self, pulled: SendQueue, wire: Wire) -> None:
        pulled.put("a")
        pulled.attach(wire.send)
        pulled.put("b")
        await pulled.drain()
        assert wire.frames == ["a", "b"]

    async def test_draining_waits_for_the_last_fetch(self, pulled: SendQueue) -> None:
        pulled.put("a")
        draining = asyncio.create_task(pulled.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        assert await pulled.take() == ["a"]
        await draining
        assert await pulled.take() == []


async def test_a_client_that_is_pushed_to_is_ready_when_all_before_has_left(wire: Wire, outbound: SendQueue) -> None:
    """As with the reference server, whose transports are not writable from a packet's sending until it is written."""
    ready = [outbound.ready]
    outbound.put("a")
    ready.append(outbound.ready)
    wire.gate.clear()
    await asyncio.sleep(0)
    ready.append(outbound.ready)
    wire.gate.set()
    await eventually(lambda: outbound.ready)
    assert ready == [True, False, False]


async def test_a_client_that_fetches_is_ready_while_it_waits(pulled: SendQueue) -> None:
    ready = [pulled.ready]
    fetching = asyncio.create_task(pulled.take())
    await asyncio.sleep(0)
    ready.append(pulled.ready)
    pulled.put("a")
    ready.append(pulled.ready)
    await fetching
    assert [*ready, pulled.ready] == [False, True, False, False]
