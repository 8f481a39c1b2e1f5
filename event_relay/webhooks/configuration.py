"""The keys of `settings.CONVERSATIONS` that are about webhooks."""

from __future__ import annotations

import msgspec

from event_relay.sources import SOURCES
from event_relay.sources.unread import UNREAD
from persistence.configuration import Section

EVENT_TYPES = frozenset(kind for source in (*SOURCES, UNREAD) for kind in source.types)
"""The types of events that an endpoint can get."""


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events go.

    Attributes:
        url: The address, `https://…`.
        secrets: What deliveries are signed with, `whsec_` and 24 to 64 bytes in base64. Each of several signs.
        types: The types of the events that it gets; empty: all.
    """

    url: str
    secrets: tuple[str, ...]
    types: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Endpoint(…)"  # an address may have a secret in it, too

    def wants(self, kind: str) -> bool:
        """Whether it gets events of a type."""
        return not self.types or kind in self.types


class WebhookSettings(Section, frozen=True, kw_only=True):
    """Who is told of events by HTTP, and how.

    Attributes:
        WEBHOOKS: The endpoints by name.
        WEBHOOK_TIMEOUT: Seconds that one delivery may take.
        WEBHOOK_CONCURRENCY: Deliveries to one endpoint at a time.
        WEBHOOK_GIVE_UP_AFTER: Seconds after which an event is given up that its endpoint does not take, while it takes
            others.
        WEBHOOK_UNREAD_AFTER: Seconds after which a message that nobody has seen is a `message.unread`.
    """

    WEBHOOKS: dict[str, Endpoint] = msgspec.field(default_factory=dict)
    WEBHOOK_TIMEOUT: int = 10
    WEBHOOK_CONCURRENCY: int = 16
    WEBHOOK_GIVE_UP_AFTER: int = 3600
    WEBHOOK_UNREAD_AFTER: int = 60
