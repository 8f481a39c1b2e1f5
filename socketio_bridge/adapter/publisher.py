"""What a node sends, on its way to the channel layer: bounded, in order, and numbered where it is for all others.

All messages of a loop turn, and all that come while the layer is busy, leave in one envelope. Envelopes to all others
wait while the layer is away and leave when it is back; the last ones that left are kept for nodes that missed them.
One whose publication ended in doubt leaves again, under the same number, by which the others know it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from contextvars import Context
from typing import Any

import msgspec

from socketio_bridge.adapter.channel_layer import LAYER_TIMEOUT
from socketio_bridge.adapter.envelope import GROUP, Emission, Heartbeat, Message, node_group, pack, seal
from socketio_bridge.instrumentation import exchange
from socketio_bridge.outages import OUTAGE

logger = logging.getLogger(__name__)

PENDING_LIMIT = 50_000
"""Messages that may wait for a channel layer which is away or does not keep up."""
PENDING_SIZE = 64_000_000
"""Bytes that may wait for it."""
PENDING_AGE = 60.0
"""Seconds for which an envelope may wait for it."""
KEPT_SIZE = 16_000_000
"""Bytes of envelopes that have left and are kept."""
KEPT_AGE = 60.0
"""Seconds for which they are kept."""
DIRECT_AGE = 2.0
"""Seconds for which messages to one node wait for it: who asks gives up soon, and they are not to leave twice."""
RETRY = 0.25
"""Seconds between attempts to reach the layer."""
ENVELOPE_SIZE = 1_000_000
"""Bytes of messages in one envelope, unless one message has more."""
_PART = "The channel layer"


class Envelope(msgspec.Struct, gc=False):
    """Encoded messages for all other nodes; `at`: the instant at which the first of them was put in."""

    number: int
    at: float
    messages: bytes
    count: int


class Publisher:
    """A node's way out.

    Attributes:
        number: That of the newest envelope to all others. Each number that is given up is left out.
        published: That of the last one which the layer took.
        reachable: Whether the layer took what it was given last.
        failed_at: The instant at which it last did not; 0: it always did.
    """

    def __init__(self, node_id: str, layer: Any) -> None:
        self.number = 0
        self.published = 0
        self.reachable = True
        self.failed_at = 0.0
        self._node_id = node_id
        self._layer = layer
        self._pending: list[Message] = []
        self._pending_at = 0.0  # when the first of them came
        self._pending_size = 0
        self._sealed: deque[Envelope] = deque()
        self._kept: deque[Envelope] = deque()
        self._kept_size = 0
        self._direct: dict[str, list[Message]] = {}  # messages for one node each
        self._direct_at = 0.0  # when the first of them came
        self._waiting = 0  # messages in all these but `_kept`,
        self._size = 0  # and their bytes
        self._task: asyncio.Task[None] | None = None
        self._flushes: list[tuple[int, asyncio.Future[bool]]] = []  # for so many messages to have left
        self._put = 0  # messages so far,
        self._left = 0  # and how many of them left or were given up
        self._lost = 0  # messages given up since the layer went away
        self._gave_up = False  # some that were for all

    def put(self, message: Message, node_id: str | None = None) -> None:
        """Have a message leave, to all other nodes or to the one of that id.

        While the layer is away, volatile emissions and heartbeats do not wait.
        """
        if not self.reachable and self._task is not None and _is_passing(message):
            return
        size = message.size
        if node_id is not None:
            if not self._direct:
                self._direct_at = time.monotonic()
            self._direct.setdefault(node_id, []).append(message)
        else:
            if not self._pending:
                self._pending_at = time.monotonic()
            self._pending.append(message)
            self._pending_size += size
        self._put += 1
        self._waiting += 1
        self._size += size
        if self._task is None:
            self._task = asyncio.create_task(self._publish(), context=Context())
        elif self._waiting > PENDING_LIMIT or self._size > PENDING_SIZE:
            self._make_room()

    async def flush(self) -> bool:
        """Return when all that was put in before has left: True; or at once, False, while the layer is away."""
        if self._left >= self._put:
            return True
        if not self.reachable and self._task is not None:
            return False
        left: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._flushes.append((self._put, left))
        return await left

    async def stop(self) -> None:
        """Let leave what can."""
        await self.flush()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=LAYER_TIMEOUT)
        OUTAGE.answered(_PART)

    def kept(self, first: int, last: int) -> Iterator[tuple[int, int, float, bytes | None]]:
        """What there still is of the envelopes to all others of these numbers, for a node that has missed them.

        Yields:
            The first and the last number that this is about, `Envelope.at`, and the messages; None: they are gone.
        """
        for envelope in self._kept:
            if first <= envelope.number <= last:
                if envelope.number > first:
                    yield first, envelope.number - 1, envelope.at, None
                yield envelope.number, envelope.number, envelope.at, envelope.messages
                first = envelope.number + 1
        if first <= (gone := min(last, self.published)):
            yield first, gone, 0.0, None

    async def _publish(self) -> None:
        try:
            while self._pending or self._sealed or self._direct:
                self._seal()
                while self._sealed:
                    await self._publish_to_all(self._sealed.popleft())
                direct, self._direct = self._direct, {}
                for node_id, messages in direct.items():
                    await self._publish_to_one(node_id, messages)
        finally:
            self._task = None
            self._end_flushes(everything=True)

    async def _publish_to_all(self, envelope: Envelope) -> None:
        """Publish until it works, or the envelope is too old."""
        message = seal(self._node_id, envelope.messages, number=envelope.number, at=envelope.at)
        while not await self._hand_over(GROUP, message):
            if time.monotonic() - self._direct_at > DIRECT_AGE:
                self._give_up_direct()
            if time.monotonic() - envelope.at > PENDING_AGE:
                self._give_up_envelope(envelope)
                return
            await asyncio.sleep(RETRY)
            self._seal()
        self.published = envelope.number
        self._keep(envelope)
        self._account(envelope.count, len(envelope.messages))

    async def _publish_to_one(self, node_id: str, messages: list[Message]) -> None:
        size = sum(message.size for message in messages)
        message = seal(self._node_id, pack(messages), after=self.published, at=time.monotonic())
        if await self._hand_over(node_group(node_id), message):
            self._account(len(messages), size)
        else:
            self._give_up(len(messages), size)

    async def _hand_over(self, group: str, message: dict[str, Any]) -> bool:
        try:
            with exchange("channel_layer"):
                async with asyncio.timeout(LAYER_TIMEOUT):
                    await self._layer.group_send(group, message)
        except Exception as error:
            OUTAGE.failed(_PART, error)
            self.reachable, self.failed_at = False, time.monotonic()
            self._end_flushes(everything=True)
            return False
        if not self.reachable:
            self.reachable = True
            OUTAGE.answered(_PART)
            if self._lost:
                logger.warning("%d messages did not reach the other processes.", self._lost)
            self._lost, self._gave_up = 0, False
        return True

    def _seal(self) -> None:
        """Make envelopes of what is pending; of those that wait the sizes are those of their bytes."""
        pending, self._pending = self._pending, []
        size, self._pending_size = self._pending_size, 0
        if size <= ENVELOPE_SIZE:
            if pending:
                self._seal_one(pending, size)
            return
        begin = 0
        while begin < len(pending):
            end, size = begin, 0
            while end < len(pending) and (size < ENVELOPE_SIZE or end == begin):
                size += pending[end].size
                end += 1
            self._seal_one(pending[begin:end], size)
            begin = end

    def _seal_one(self, messages: list[Message], size: int) -> None:
        self.number += 1
        packed = pack(messages)
        self._sealed.append(Envelope(self.number, self._pending_at, packed, len(messages)))
        self._size += len(packed) - size

    def _keep(self, envelope: Envelope) -> None:
        self._kept.append(envelope)
        self._kept_size += len(envelope.messages)
        oldest = time.monotonic() - KEPT_AGE
        while self._kept and (self._kept_size > KEPT_SIZE or self._kept[0].at < oldest):
            self._kept_size -= len(self._kept.popleft().messages)

    def _make_room(self) -> None:
        """Give up the oldest messages to all others, where there are none those to one; not the newest one."""
        self._seal()
        while (self._waiting > 0.75 * PENDING_LIMIT or self._size > 0.75 * PENDING_SIZE) and len(self._sealed) > 1:
            self._give_up_envelope(self._sealed.popleft())
        if self._waiting > PENDING_LIMIT or self._size > PENDING_SIZE:
            self._give_up_direct()

    def _give_up_direct(self) -> None:
        direct, self._direct = self._direct, {}
        for messages in direct.values():
            self._give_up(len(messages), sum(message.size for message in messages))

    def _give_up_envelope(self, envelope: Envelope) -> None:
        if not self._gave_up:
            logger.error("Too much waits for the channel layer, or for too long: the oldest is given up.")
            self._gave_up = True
        self._give_up(envelope.count, len(envelope.messages))

    def _give_up(self, count: int, size: int) -> None:
        self._lost += count
        self._account(count, size)
        self._end_flushes(everything=True)

    def _account(self, count: int, size: int) -> None:
        self._left += count
        self._waiting -= count
        self._size -= size
        self._end_flushes()

    def _end_flushes(self, *, everything: bool = False) -> None:
        while self._flushes and (everything or self._flushes[0][0] <= self._left):
            count, flushed = self._flushes.pop(0)
            if not flushed.done():
                flushed.set_result(count <= self._left and not self._lost)


def _is_passing(message: Message) -> bool:
    if isinstance(message, Emission):
        return message.volatile
    return isinstance(message, Heartbeat) and not message.leaving
