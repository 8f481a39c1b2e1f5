"""Wait for a condition instead of for a time. The only two loops of the tests that poll."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 60.0
"""Seconds; for a busy machine. No test waits for it to pass."""


async def eventually(ask: Callable[[], object | Awaitable[object]], what: str = "", within: float = PATIENCE) -> Any:
    """Ask until the answer is truthy, and return it.

    Args:
        ask: A function, or one that returns an awaitable.
        what: What is waited for, as the failure names it.
        within: Seconds.

    Raises:
        AssertionError: It was not in time.
    """
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within:g} s: {what or inspect.getsource(ask).strip()}"
        await asyncio.sleep(0.01)


def eventually_sync(ask: Callable[[], object], what: str = "", within: float = PATIENCE) -> Any:
    """`eventually` where no event loop runs."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within:g} s: {what or inspect.getsource(ask).strip()}"
        time.sleep(0.02)
    return answer
