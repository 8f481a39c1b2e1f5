"""The sources of events: one `Source` for each watched collection.

docs/kafka.md says how to add an event. New data needs its record in `schemas/conversation_event.avsc`, too.
"""

from event_relay.sources.acts import ACTS
from event_relay.sources.messages import MESSAGES
from event_relay.sources.reports import REPORTS
from event_relay.sources.rooms import ROOMS
from event_relay.sources.source import Source

SOURCES: tuple[Source, ...] = (ROOMS, MESSAGES, REPORTS, ACTS)

__all__ = ["SOURCES", "Source"]
