"""What can be done with rooms and messages, whoever asks: each function checks the rules, stores, then announces.

Doors (socket events, REST, admin) translate what clients send and call these; each rule is here once. A refusal is a
`RuleViolation`, whose `code` clients get. All functions raise `StoreUnavailable` where MongoDB does not answer; their
docstrings name it only where something else follows from it.

    message = NewMessage(room_id="7.9", sender="7", recipient="9", type="TEXT", content="Is it still there?")
    stored = await services.send_message(identity, message)

Functions that a user calls take an `Actor`, an authenticated user, and most of those on a room take `claimed`: the side
that the client says the user is on. The room decides which side that is; `claimed` is checked against it.
"""

from conversations.services.editing import edit_message
from conversations.services.history import Excerpt, MessagePage, list_messages, list_unseen_messages
from conversations.services.memberships import Membership, rooms_visible_to_others, visible_rooms_of
from conversations.services.messages import (
    SUPPORT,
    mark_room_seen,
    mark_seen,
    relay_typing,
    send_message,
    shut_down,
    start_up,
    write_as_support,
)
from conversations.services.redaction import REDACTED, redact_messages, unredact_message
from conversations.services.room_list import RoomPage, RoomQuery, count_unseen_rooms, list_rooms, view_room
from conversations.services.room_settings import (
    Blocking,
    block_room,
    close_room,
    enable_room,
    pin_room,
    reopen_room,
    unblock_room,
    unpin_room,
)
from conversations.services.rooms import (
    CreatedRoom,
    Outcome,
    create_room,
    delete_room,
)
from conversations.services.search import SearchPage, search_messages
from conversations.services.sync import list_changes, sync_token, token_since

__all__ = [
    "REDACTED",
    "SUPPORT",
    "Blocking",
    "CreatedRoom",
    "Excerpt",
    "Membership",
    "MessagePage",
    "Outcome",
    "RoomPage",
    "RoomQuery",
    "SearchPage",
    "block_room",
    "close_room",
    "count_unseen_rooms",
    "create_room",
    "delete_room",
    "edit_message",
    "enable_room",
    "list_changes",
    "list_messages",
    "list_rooms",
    "list_unseen_messages",
    "mark_room_seen",
    "mark_seen",
    "pin_room",
    "redact_messages",
    "relay_typing",
    "reopen_room",
    "rooms_visible_to_others",
    "search_messages",
    "send_message",
    "shut_down",
    "start_up",
    "sync_token",
    "token_since",
    "unblock_room",
    "unpin_room",
    "unredact_message",
    "view_room",
    "visible_rooms_of",
    "write_as_support",
]
