"""The lists find their documents by an index, and read no more of them than a page has: MongoDB's own word for it.

The queries are taken as the services send them, so what is explained here is what runs.
"""

from __future__ import annotations

import datetime
from typing import Any

from pymongo import monitoring
from pymongo.database import Database

Store = Database[dict[str, Any]]
THEN = datetime.datetime(2020, 10, 11)
MESSAGES = 300


class Queries(monitoring.CommandListener):
    """The reads that were sent to MongoDB."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in ("find", "aggregate"):
            kept = ("find", "aggregate", "filter", "sort", "limit", "projection", "pipeline")
            self.sent.append({name: event.command[name] for name in kept if name in event.command})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...
