"""What can be done with rooms and messages, whoever asks: each function decides, stores, then announces.

Doors (socket events, REST, admin) call these and translate; the rules live here once. A refusal is a RuleViolation.
"""

from conversations.services.messages import mark_seen, relay_typing, send_message
from conversations.services.rooms import (
    Outcome,
    RoomAnswer,
    RoomMembers,
    create_room,
    delete_room,
    visible_rooms_of,
)
from conversations.services.shutdown import shut_down

__all__ = [
    "Outcome",
    "RoomAnswer",
    "RoomMembers",
    "create_room",
    "delete_room",
    "mark_seen",
    "relay_typing",
    "send_message",
    "shut_down",
    "visible_rooms_of",
]
