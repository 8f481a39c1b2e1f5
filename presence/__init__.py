"""Who is online, across processes. Presence knows users and their sockets, no rooms and no chat.

    came_online = await presence.current().enter("7", socket_id)
    online = await presence.current().online(["7", "9"])

Changes that no socket of this process caused come to the listeners of `on_change`, deaths of processes to those of
`on_death`.
"""

from presence.observer import Observer
from presence.per_loop import current, on_change, on_death, on_restored, stop_current
from presence.presence import Presence

__all__ = ["Observer", "Presence", "current", "on_change", "on_death", "on_restored", "stop_current"]
