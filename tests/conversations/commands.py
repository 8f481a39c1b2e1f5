"""What MongoDB is asked, and whether an index answers it: by MongoDB's rules, whatever the embedded engine does."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import monitoring
from pymongo.database import Database

Command = dict[str, Any]


class Asked(monitoring.CommandListener):
    """Remembers the commands about rooms, messages and what moderation keeps, while somebody is `recording`."""

    def __init__(self) -> None:
        self._recorded: list[Command] | None = None
        self._lock = threading.Lock()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        collection = event.command.get(event.command_name)
        with self._lock:
            if self._recorded is not None and str(collection).startswith(("cz_", "moderation_")):
                self._recorded.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    @contextmanager
    def recording(self) -> Iterator[list[Command]]:
        """Commands of all threads, as they are sent."""
        recorded: list[Command] = []
        self._recorded = recorded
        try:
            yield recorded
        finally:
            self._recorded = None


ASKED = Asked()
monitoring.register(ASKED)  # at import, before Django makes its client: a client takes listeners when it is made


def conditions(command: Command) -> list[Command]:
    """What a command looks for: one condition, or one for each of its updates or deletes."""
    if "pipeline" in command:
        matches = [stage["$match"] for stage in command["pipeline"] if "$match" in stage]
        return [{name: value for match in matches for name, value in match.items()}]
    if "updates" in command or "deletes" in command:
        return [each["q"] for each in [*command.get("updates", []), *command.get("deletes", [])]]
    asked: Command = command.get("filter") or command.get("query") or {}
    return [] if "insert" in command else [asked]


def serving(database: Database[dict[str, Any]], command: Command) -> list[str | None]:
    """The index that may answer each condition of a command; `None`: the collection is read."""
    collection = next(iter(command.values()))
    indexes = dict(database[collection].index_information())
    return [_index_for(indexes, condition) for condition in conditions(command)]


def unanswered(database: Database[dict[str, Any]], commands: list[Command]) -> list[Command]:
    """Those for which a whole collection is read, except that of filters: they are few, and all are wanted."""
    return [
        command
        for command in commands
        if next(iter(command.values())) != "moderation_messagefilter" and None in serving(database, command)
    ]


def _index_for(indexes: dict[str, Any], condition: Command) -> str | None:
    if _values(condition.get("_id")):
        return "_id_"
    for name, index in indexes.items():
        first, _ = index["key"][0]
        filters = index.get("partialFilterExpression", {})
        if first in condition and all(_implied(condition.get(field), each) for field, each in filters.items()):
            return name
    return None


def _values(condition: Any) -> list[Any]:
    """What a field must equal; nothing where it need not."""
    if isinstance(condition, dict):
        return list(condition.get("$in", [condition["$eq"]] if "$eq" in condition else []))
    return [] if condition is None else [condition]


def _implied(condition: Any, wanted: Any) -> bool:
    """MongoDB compares values with a range of their type; of `$type` it proves nothing but itself."""
    values = _values(condition)
    earliest = wanted.get("$gte")
    if isinstance(earliest, datetime.datetime):
        asked = condition if isinstance(condition, dict) else {"$eq": condition}
        bounds = [asked.get(name) for name in ("$eq", "$gt", "$gte")]
        return any(isinstance(each, datetime.datetime) and _utc(each) >= _utc(earliest) for each in bounds)
    return wanted == {"$gte": ""} and bool(values) and all(isinstance(value, str) for value in values)


def _utc(instant: datetime.datetime) -> datetime.datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=datetime.UTC)
