"""An event as a CloudEvent in JSON: one object with the attributes and `data` (structured mode of CloudEvents 1.0)."""

from __future__ import annotations

from typing import Final

import msgspec

from event_relay.event import Event
from persistence.fields import as_json

MEDIA_TYPE: Final = "application/cloudevents+json; charset=UTF-8"


def to_json(event: Event) -> bytes:
    """Encode an event."""
    return msgspec.json.encode(
        as_json({**event.attributes(), "datacontenttype": "application/json", "data": event.data})
    )
