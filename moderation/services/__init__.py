"""The acts of moderation: what staff and users can do. Each decides, stores with its audit record, then notifies.

The entry points (the admin, the socket event, REST, commands) call these functions and translate. All of them are
coroutines; synchronous views call them by `async_to_sync`:

    async_to_sync(services.mute)(staff, "7", "spam in three rooms", until=None)

A refusal is a `conversations.errors.RuleViolation`; each function's "Raises" names its codes. Where MongoDB does not
answer, each of them raises StoreUnavailable. The entry points check by Django's permissions who may do what: nothing
here does.
"""

from moderation.services.audit import export_audit
from moderation.services.filters import delete_filter, find_recent, save_filter, try_text
from moderation.services.held import drop_held, release_held
from moderation.services.holds import lift_hold, place_hold
from moderation.services.measures import Measures, Term, decide, take_measures
from moderation.services.persons import erase_person, export_person
from moderation.services.redaction import (
    read_original,
    redact_introduction,
    redact_message,
    redact_recent,
    restore_introduction,
    restore_message,
)
from moderation.services.reports import report
from moderation.services.restrictions import ban, is_restricted, lift, mute, slow_down
from moderation.services.retention import delete_older
from moderation.services.review import dismiss, reopen, resolve, return_to_queue, take, take_next
from moderation.services.rooms import add_note, close_room, reopen_room, write_as_support

__all__ = [
    "Measures",
    "Term",
    "add_note",
    "ban",
    "close_room",
    "decide",
    "delete_filter",
    "delete_older",
    "dismiss",
    "drop_held",
    "erase_person",
    "export_audit",
    "export_person",
    "find_recent",
    "is_restricted",
    "lift",
    "lift_hold",
    "mute",
    "place_hold",
    "read_original",
    "redact_introduction",
    "redact_message",
    "redact_recent",
    "release_held",
    "reopen",
    "reopen_room",
    "report",
    "resolve",
    "restore_introduction",
    "restore_message",
    "return_to_queue",
    "save_filter",
    "slow_down",
    "take",
    "take_measures",
    "take_next",
    "try_text",
    "write_as_support",
]
