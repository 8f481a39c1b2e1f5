"""Who is online, across processes. Knows users and their sockets, and nothing of rooms or chat."""

from presence.per_loop import current, on_change, stop_current
from presence.presence import Presence

__all__ = ["Presence", "current", "on_change", "stop_current"]
