"""Work with Redis in its own threads: whoever waits for it can be stopped at any moment."""

import asyncio
import threading
import time

import pytest

from persistence.redis_client import in_redis_thread


async def test_a_cancellation_counts_that_comes_with_the_answer() -> None:
    """Else what ends a task and waits for its end would wait for ever, the server's shutdown among it."""
    done = threading.Event()
    waiting = asyncio.create_task(in_redis_thread(done.set))
    await asyncio.sleep(0)
    assert done.wait(5)
    time.sleep(0.05)  # its answer is on its way to this loop, which stands still
    asyncio.get_running_loop().call_soon(waiting.cancel)
    with pytest.raises(asyncio.CancelledError):
        await waiting
