"""What can be done with rooms and messages, whoever asks: each function decides, stores, then announces.

Doors (socket events, REST, admin) call these and translate; the rules live here once. A refusal is a RuleViolation.
"""

from conversations.services.closing import close_room, reopen_room
from conversations.services.messages import mark_seen, relay_typing, send_message
from conversations.services.redaction import REDACTED, redact_messages, unredact_message
from conversations.services.rooms import (
    Outcome,
    RoomAnswer,
    RoomMembers,
    create_room,
    delete_room,
    visible_rooms_of,
)
from conversations.services.shutdown import shut_down
from conversations.services.support import SUPPORT, write_as_support

__all__ = [
    "REDACTED",
    "SUPPORT",
    "Outcome",
    "RoomAnswer",
    "RoomMembers",
    "close_room",
    "create_room",
    "delete_room",
    "mark_seen",
    "redact_messages",
    "relay_typing",
    "reopen_room",
    "send_message",
    "shut_down",
    "unredact_message",
    "visible_rooms_of",
    "write_as_support",
]
