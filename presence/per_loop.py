"""The Presence of this process: one for each event loop, made from the settings when it is first used.

`on_change` registers a listener for changes that no socket of this process caused: users who went offline with another
process, users who are announced again after an outage of Redis. `on_restored` registers one for the end of a time in
which `online` may have answered what was wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from persistence.configuration import StoreSettings
from persistence.per_event_loop import PerLoop
from presence.configuration import PresenceSettings
from presence.observer import PREFIX
from presence.presence import Presence

logger = logging.getLogger(__name__)

Listener = Callable[[str], Awaitable[None]]
AnyListener = TypeVar("AnyListener", bound=Listener)
RestoredListener = Callable[[], Awaitable[None]]
AnyRestoredListener = TypeVar("AnyRestoredListener", bound=RestoredListener)

listeners: list[Listener] = []
"""In the order in which they were registered. Add to them by `on_change`."""
restored_listeners: list[RestoredListener] = []
"""As `listeners`. Add to them by `on_restored`."""
death_listeners: list[Listener] = []
"""As `listeners`. Add to them by `on_death`."""


def current() -> Presence:
    """Return the Presence of the running event loop. It connects to Redis when it is first asked something.

    Reads REDIS_ADDRESS and PRESENCE: a dict with any of `heartbeat` and `expiry` (seconds) and `prefix`.
    """
    return _presences.get()


async def stop_current() -> None:
    """Stop the running loop's Presence, if it has one; `current` then makes a new one."""
    found = _presences.forget()
    if found is not None:
        await found.stop()


def on_change(listener: AnyListener) -> AnyListener:
    """Register a listener for changes of presence that no socket of this process caused. Usable as a decorator.

        @on_change
        async def announce(user_id: str) -> None:
            is_online = user_id in await current().online([user_id])

    Args:
        listener: Called with the user's id. It asks `online` for the present state. Registering it twice changes
            nothing.

    Returns:
        The listener.
    """
    if listener not in listeners:
        listeners.append(listener)
    return listener


def on_restored(listener: AnyRestoredListener) -> AnyRestoredListener:
    """Register a listener for the end of a time in which `online` may have answered what was wrong. A decorator.

    Args:
        listener: Called a heartbeat after Redis answers again, or has again what it had lost. Registering it twice is
            registering it once.
    """
    if listener not in restored_listeners:
        restored_listeners.append(listener)
    return listener


async def _notify_restored() -> None:
    for listener in restored_listeners:
        await listener()


def on_death(listener: AnyListener) -> AnyListener:
    """Register a listener for processes that died. Usable as a decorator.

    Args:
        listener: Called with the `process_id` of the Presence of the process. If it raises, all listeners are called
            again after a heartbeat. Registering it twice changes nothing.

    Returns:
        The listener.
    """
    if listener not in death_listeners:
        death_listeners.append(listener)
    return listener


async def _notify_of_death(process_id: str) -> None:
    for listener in death_listeners:
        await listener(process_id)


async def _notify(user_id: str) -> None:
    for listener in listeners:
        try:
            await listener(user_id)
        except Exception:
            logger.exception("a listener failed at a change of presence")


def _from_settings() -> Presence:
    options: dict[str, Any] = {"prefix": PREFIX, **PresenceSettings.current().PRESENCE}
    return Presence(
        StoreSettings.current().REDIS_ADDRESS,
        on_offline=_notify,
        on_online=_notify,
        on_restored=_notify_restored,
        on_death=_notify_of_death,
        **options,
    )


_presences = PerLoop(_from_settings)
