"""Who is online, for a process that has no sockets and takes no part in presence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from persistence.configuration import StoreSettings
from presence.configuration import PresenceSettings
from presence.registry import Registry

PREFIX: Final = "chozoi:presence:"
"""The beginning of the keys in Redis, unless PRESENCE names another."""
_EXPIRY = 15.0  # seconds; of a registration, which an observer has not


class Observer:
    """Asks Redis who is online. It belongs to one event loop."""

    def __init__(self) -> None:
        options: dict[str, Any] = {"prefix": PREFIX, **PresenceSettings.current().PRESENCE}
        address = StoreSettings.current().REDIS_ADDRESS
        self._registry = Registry(address, "observer", prefix=str(options["prefix"]), expiry=_EXPIRY)

    async def online(self, user_ids: Sequence[str]) -> set[str]:
        """Find out which of some users are online, in one round trip.

        Args:
            user_ids: The users.

        Raises:
            REDIS_AWAY: Redis does not answer, so it is not known.
        """
        _, online = await self._registry.online(user_ids)
        return online

    async def close(self) -> None:
        """Close the connection."""
        await self._registry.close()
