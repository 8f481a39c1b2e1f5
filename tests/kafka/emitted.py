"""All that is emitted to the watchers of auctions, heard where the servers hear it: on the channel layer."""

from __future__ import annotations

import asyncio
import json
import threading
from types import TracebackType
from typing import Self

from channels.layers import get_channel_layer

from persistence.configuration import value_of
from socketio_bridge.adapter.envelope import GROUP, Emission, unpack


class Emitted:
    """Listens while it is entered. `results`: (auction, price) in the order emitted, of one of the two namespaces."""

    def __init__(self) -> None:
        self.results: list[tuple[int, int]] = []
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._listening.cancel)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen_until_cancelled())

    async def _listen_until_cancelled(self) -> None:
        self._listening = asyncio.ensure_future(self._listen())
        await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        layer = get_channel_layer()
        assert layer is not None
        channel = await layer.new_channel()
        await layer.group_add(GROUP, channel)
        self._ready.set()
        while True:
            for message in unpack((await layer.receive(channel))["messages"]):
                if isinstance(message, Emission) and message.namespace == value_of("AUCTION_RESULT_NAMESPACE"):
                    _, result = json.loads(message.packet[message.packet.index("[") :])
                    self.results.append((result["id"], result["currentPrice"]))
