"""The table of what becomes an event: one `Source` for each collection that is watched.

A new kind of event is a new line here, or in one of the sources; new data needs its record in
`schemas/conversation_event.avsc`, too. docs/kafka.md shows how.
"""

from event_relay.sources.messages import MESSAGES
from event_relay.sources.rooms import ROOMS
from event_relay.sources.source import Source

SOURCES: tuple[Source, ...] = (ROOMS, MESSAGES)

__all__ = ["SOURCES", "Source"]
