"""A conversation event: what happened, to which room or user, and the id that all its repeats carry."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings

from persistence.timestamps import to_wire

_IDS = uuid.UUID("5e4c7c3a-6f0d-4b0e-9d63-2f6d1c8b7a10")
"""The name space of event ids. Changing it makes every repeat a new event."""


@dataclass(frozen=True, slots=True)
class Event:
    """`type`: "message.created". `subject`: the id of the document it is about. `record`: the Avro record of `data`.

    `id` is made of the type, the subject and `occurrence`, which tells apart what can happen to one subject twice.
    `room_id`: empty where it concerns no room; then it is `user_id`'s, which else is not needed.
    `recovered`: found by looking at the collections, not seen as it happened (`catch_up.py`).
    """

    type: str
    room_id: str
    subject: str
    occurrence: str
    time: datetime.datetime
    record: str
    data: dict[str, Any]
    user_id: str = ""
    recovered: bool = False

    @property
    def id(self) -> str:
        """A UUID, the same for every repeat."""
        return str(uuid.uuid5(_IDS, f"{self.type}\n{self.subject}\n{self.occurrence}"))

    @property
    def key(self) -> str:
        """What decides on the partition: events of one key keep their order."""
        return self.room_id or self.user_id

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
            "partitionkey": self.key,
            "recovered": self.recovered,
        }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What no event could be made of, or no record of its event: a change or a document as MongoDB has it, and why."""

    document: Mapping[str, Any]
    reason: str


Outgoing = Event | Unreadable
"""What a change or a document comes to."""


def or_unreadable(events: Iterable[Event], document: Mapping[str, Any]) -> Iterator[Outgoing]:
    """The events that a source makes of a document. Where it fails, an `Unreadable`: nothing is skipped in silence.

    A document may hold anything, whoever wrote it.
    """
    try:
        yield from events
    except Exception as error:
        yield Unreadable(document, f"{type(error).__name__}: {error}")


def travelling(value: Any) -> Any:
    """A value as JSON carries it: instants as everywhere in this system."""
    if isinstance(value, dict):
        return {key: travelling(inner) for key, inner in value.items()}
    return to_wire(value) if isinstance(value, datetime.datetime) else value
