"""Whether this process hears the others of its system: those that presence counts, by the greetings of their hubs."""

from __future__ import annotations

from presence import current as current_presence
from socketio_bridge.adapter.adapter import find_hub

ACQUAINTANCE = 3.0
"""Seconds from a heartbeat in Redis within which all others have heard its process, which greets them each second."""


async def what_is_not_heard() -> str:
    """What is wrong where others are alive in Redis and not one is heard here; empty: nothing.

    Of one that was killed there is a heartbeat for a while, but none since it was last heard.
    """
    hub = find_hub()
    silence = 0.0 if hub is None else hub.cluster.silence
    if silence <= ACQUAINTANCE:
        return ""
    others = await current_presence().other_processes(silence - ACQUAINTANCE)
    if not others:
        return ""
    return (
        f"this process hears none of the {others} others that share its Redis database: "
        "REDIS_ADDRESS and CHANNEL_PREFIX must be the same for all"
    )
