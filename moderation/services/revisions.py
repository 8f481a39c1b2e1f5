"""Keeping what messages said before they were edited."""

from __future__ import annotations

import datetime

from moderation.models import Revision
from persistence.fields import text_in
from persistence.mongodb import Document, document, durable
from persistence.timestamps import stored_time


def keep_revision(message: Document, replaced_at: datetime.datetime) -> None:
    """Keep what a message says, as its document has it, until an edit; for the store's threads.

    One that was begun and did not come about is replaced: a message says one thing at a time.
    """
    message_id = str(message["_id"])
    last = durable(Revision).find_one({"message_id": message_id}, sort=[("replaced_at", -1)])
    since = stored_time(None if last is None else last.get("replaced_at")) or stored_time(message.get("created_at"))
    revision = Revision(
        message_id=message_id,
        room_id=text_in(message, "room_id"),
        sender=text_in(message, "from"),
        type=text_in(message, "type"),
        content=text_in(message, "content"),
        image=message.get("image"),
        said_at=since,
        replaced_at=replaced_at,
    )
    stored = document(revision)
    stored.pop("_id", None)
    durable(Revision).update_one({"message_id": message_id, "replaced_at": replaced_at}, {"$set": stored}, upsert=True)
