"""A conversation event: what happened, to which room, and the id that all its repeats carry."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from conversations.instants import to_wire

_IDS = uuid.UUID("5e4c7c3a-6f0d-4b0e-9d63-2f6d1c8b7a10")
"""The name space of event ids. Changing it makes every repeat a new event."""


@dataclass(frozen=True, slots=True)
class Event:
    """`type`: "message.created". `subject`: the id of the document it is about. `record`: the Avro record of `data`.

    `id` is made of the type, the subject and `occurrence`, which tells apart what can happen to one subject twice.
    `recovered`: found by looking at the collections, not seen as it happened (`catch_up.py`).
    """

    type: str
    room_id: str
    subject: str
    occurrence: str
    time: datetime.datetime
    record: str
    data: dict[str, Any]
    recovered: bool = False

    @property
    def id(self) -> str:
        """A UUID, the same for every repeat."""
        return str(uuid.uuid5(_IDS, f"{self.type}\n{self.subject}\n{self.occurrence}"))

    def as_recovered(self) -> Event:
        """The same, marked."""
        return replace(self, recovered=True)

    def attributes(self) -> dict[str, Any]:
        """The CloudEvents 1.0 context attributes; `partitionkey` and `recovered` are extensions."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/{settings.KAFKA_APP_ID}",
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "partitionkey": self.room_id,
            "recovered": self.recovered,
        }


def travelling(value: Any) -> Any:
    """A value as JSON carries it: instants as everywhere in this system."""
    if isinstance(value, dict):
        return {key: travelling(inner) for key, inner in value.items()}
    return to_wire(value) if isinstance(value, datetime.datetime) else value
