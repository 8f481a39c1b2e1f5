"""A change of a document in MongoDB's change stream."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from persistence.timestamps import UTC

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """An insert, update or replacement of one document.

    Attributes:
        collection: The collection's name.
        inserted: Whether it is an insert.
        key: The document's `_id`, as text.
        updated: The fields with new values; of an insert or a replacement, all fields.
        removed: The names of the fields that were removed.
        document: The whole document, as inserted, or as the relay found it, which is at or after the change; None: it
            was deleted meanwhile.
        at: The cluster time of the change, in whole seconds.
        order: The cluster time with its increment, which no other change of the document has.
    """

    collection: str
    inserted: bool
    key: str
    updated: Document
    removed: frozenset[str]
    document: Document | None
    at: datetime.datetime
    order: str


def changed_at(raw: Document) -> datetime.datetime:
    """The cluster time of a change, in whole seconds."""
    return datetime.datetime.fromtimestamp(raw["clusterTime"].time, UTC)


def read_change(raw: Document) -> Change:
    """Read a change from a document of the stream whose `operationType` is insert, update or replace."""
    description = raw.get("updateDescription")
    document = raw.get("fullDocument")
    cluster_time = raw["clusterTime"]
    return Change(
        collection=raw["ns"]["coll"],
        inserted=raw["operationType"] == "insert",
        key=str(raw["documentKey"]["_id"]),
        updated=(document or {}) if description is None else description["updatedFields"],
        removed=frozenset() if description is None else frozenset(description["removedFields"]),
        document=document,
        at=changed_at(raw),
        order=f"{cluster_time.time}.{cluster_time.inc}",
    )
