"""The key of `settings.CONVERSATIONS` that is presence's."""

from __future__ import annotations

import msgspec

from persistence.configuration import Section


class PresenceSettings(Section, frozen=True, kw_only=True):
    """How processes tell one another who is online.

    Attributes:
        PRESENCE: Any of `heartbeat` and `expiry` (seconds) and `prefix` (of the keys in Redis).
    """

    PRESENCE: dict[str, float | str] = msgspec.field(default_factory=dict)
