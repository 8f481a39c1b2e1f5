"""The end of a process, or of an event loop: what was taken is finished, what waits for others is dropped."""

from __future__ import annotations

from conversations.shop_info import stop_filling
from conversations.storage.writer import close_message_writer


async def shut_down() -> None:
    """Store and announce every message taken so far, then let go of what the running loop held."""
    await close_message_writer()
    await stop_filling()
