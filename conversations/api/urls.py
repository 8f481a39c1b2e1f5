"""The addresses of this API, below `/v1/conversations/`; each with a slash at its end too, as old clients call."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from conversations.api import messages, rooms, search, sync, uploads
from conversations.api.documentation import Documentation, schema
from conversations.api.operation import Endpoint, Nowhere
from conversations.images.files import NAME

_ROOM = r"rooms/(?P<room_id>[^/]+|.+\..*[^/])"
"""A room's id, which may have slashes in the ids of its sides: `%2F` arrives as one. See `requests.ROOM_ACTS`."""


def _at(pattern: str, endpoint: type[Endpoint]) -> URLPattern:
    return re_path(f"^{pattern}/?$", endpoint.as_view())


urlpatterns = [
    _at("rooms", rooms.Rooms),
    _at("rooms/unseen", rooms.RoomsUnseen),
    _at(f"{_ROOM}/enable", rooms.RoomEnable),
    _at(f"{_ROOM}/pin", rooms.RoomPin),
    _at(f"{_ROOM}/seen", rooms.RoomSeen),
    _at(f"{_ROOM}/block", rooms.RoomBlock),
    _at(_ROOM, rooms.OneRoom),
    _at("messages", messages.Messages),
    _at("messages/unseen", messages.MessagesUnseen),
    _at("messages/(?P<message_id>[^/]+)", messages.OneMessage),
    _at("search", search.Search),
    _at("sync", sync.Changes),
    _at("uploads", uploads.Uploads),
    re_path(f"^media/(?P<name>{NAME})$", uploads.image),
    re_path("^schema/?$", schema, name="conversations-schema"),
    re_path("^docs/?$", Documentation.as_view(url_name="conversations-schema"), name="conversations-docs"),
    re_path("", Nowhere.as_view()),
]
