"""One change of a document, as MongoDB's change stream tells it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from persistence.timestamps import UTC

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """`updated`: fields that have new values now; of an insert or a replacement, all of them. `removed`: those gone.

    `document`: the whole of it, as inserted, or as it was when the relay looked, which is at or after the change;
    `None`: it is gone meanwhile. `at`: MongoDB's own time of the change, to the second. `order`: tells the change from
    any other of the same document.
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
    """MongoDB's own time of a change in the stream, to the second."""
    return datetime.datetime.fromtimestamp(raw["clusterTime"].time, UTC)


def read_change(raw: Document) -> Change:
    """Read a document of the stream: an insert, update or replace."""
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
