"""What no event could be made of, as a record of the dead letter topic: in MongoDB's Extended JSON, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from bson import json_util

from event_relay.event import Unreadable

LONGEST_REASON = 1000


class Letter(NamedTuple):
    """A record. `place`: what the log calls the document."""

    topic: str
    key: str
    value: bytes
    headers: list[tuple[str, str | bytes | None]]
    place: str


def letter_of(unreadable: Unreadable, topic: str) -> Letter:
    """The record that keeps a document of which there is no event on `topic`; its key is the document's."""
    document = unreadable.document
    key = _key(document)
    collection = str((document.get("ns") or {}).get("coll") or "")
    named = [("dlq.reason", unreadable.reason[:LONGEST_REASON]), ("dlq.topic", topic), ("dlq.collection", collection)]
    value = json_util.dumps(document, json_options=json_util.RELAXED_JSON_OPTIONS, default=str).encode(errors="replace")
    return Letter(f"{topic}.dlq", key, value, [*named], f"{collection or 'document'} {key}")


def _key(document: Mapping[str, Any]) -> str:
    """Of a change the key of its document, of an event its subject."""
    if isinstance(key := document.get("documentKey"), Mapping):
        return str(key.get("_id"))
    return str(document.get("subject", document.get("_id")))
