"""A conversation event: what happened, to which room or user, and the id that all its repeats carry."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kafka_workers.configuration import KafkaSettings

_IDS = uuid.UUID("5e4c7c3a-6f0d-4b0e-9d63-2f6d1c8b7a10")
"""The name space of event ids. Changing it makes every repeat a new event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event, which becomes one Kafka record.

        Event("message.redacted", "7.501", message_id, to_wire(when), when, record="Message", data={…})

    Attributes:
        type: What happened, such as "message.created".
        room_id: The room that it concerns; empty: none.
        subject: The id of the document that it is about.
        occurrence: What distinguishes two events of one type about one subject; empty where there is only one.
        time: When it happened.
        record: The Avro record of `data`.
        data: What consumers get besides the attributes.
        user_id: The user whom it concerns; needed only where it concerns no room.
        recovered: Whether it was found in the collections (`catch_up.py`) and not in the change stream.
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
        """A UUID made of type, subject and occurrence, the same for every repeat."""
        return str(uuid.uuid5(_IDS, f"{self.type}\n{self.subject}\n{self.occurrence}"))

    @property
    def key(self) -> str:
        """The key of the Kafka record: events of one key are on one partition, in order."""
        return self.room_id or self.user_id

    def as_recovered(self) -> Event:
        """A copy that is marked as recovered."""
        return replace(self, recovered=True)

    def attributes(self) -> dict[str, Any]:
        """The CloudEvents 1.0 context attributes; `partitionkey` and `recovered` are extensions."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/{KafkaSettings.current().KAFKA_APP_ID}",
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "partitionkey": self.key,
            "recovered": self.recovered,
        }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A change or document of which no event could be made, or an event that could not be encoded, and the reason."""

    document: Mapping[str, Any]
    reason: str


Outgoing = Event | Unreadable
"""What a change or a document comes to."""


def or_unreadable(events: Iterable[Event], document: Mapping[str, Any]) -> Iterator[Outgoing]:
    """Yield the events that a source makes of a document; where the source fails, an `Unreadable`.

    A document may hold anything, since other programs write them, too. None is skipped in silence.
    """
    try:
        yield from events
    except Exception as error:
        yield Unreadable(document, f"{type(error).__name__}: {error}")
