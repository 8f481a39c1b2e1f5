"""The Presence of this process: one for each event loop, made at first use from the settings.

Who wants to hear of changes that no socket of this process caused (users who died with another process, users brought
back after an outage) registers with `on_change`, a decorator.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from django.conf import settings

from persistence.per_event_loop import PerLoop
from presence.presence import Presence

logger = logging.getLogger(__name__)

Listener = Callable[[str], Awaitable[None]]
AnyListener = TypeVar("AnyListener", bound=Listener)

listeners: list[Listener] = []
"""In the order in which they were registered. Add to them by `on_change`."""


def current() -> Presence:
    """The Presence of the running event loop. Nothing connects or beats before it is used.

    Reads REDIS_URL, and PRESENCE where it is set: a dict with any of heartbeat, expiry (seconds) and prefix.
    """
    return _presences.get()


async def stop_current() -> None:
    """Stop the running loop's Presence, if it has one; `current` then makes a new one."""
    found = _presences.forget()
    if found is not None:
        await found.stop()


def on_change(listener: AnyListener) -> AnyListener:
    """Have `listener` called with the user's id at such a change; it asks `online` how it is by then.

    Registering twice is registering once. Usable as a decorator.
    """
    if listener not in listeners:
        listeners.append(listener)
    return listener


async def _tell(user_id: str) -> None:
    for listener in listeners:
        try:
            await listener(user_id)
        except Exception:
            logger.exception("a listener failed to take note of a change of presence")


def _from_settings() -> Presence:
    options = {"prefix": "chozoi:presence:", **getattr(settings, "PRESENCE", {})}
    return Presence(settings.REDIS_URL, on_offline=_tell, on_online=_tell, **options)


_presences = PerLoop(_from_settings)
