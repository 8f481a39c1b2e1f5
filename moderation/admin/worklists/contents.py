"""What a row shows of a message, and the names of the people in it, read for all rows of a page at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from conversations.models import Message, Room
from identity import Role
from moderation.admin.rooms.transcript import Line, name_of
from moderation.models import HeldMessage
from persistence.mongodb import in_parts


@dataclass(frozen=True, slots=True)
class Content:
    """A message as a row shows it.

    Attributes:
        text: What it says; empty: it says nothing that may be shown.
        picture: The address of a picture that the page may load, blurred until somebody clicks it.
        address: The address of a picture elsewhere, whose owner would learn that staff look.
        note: What is to be said instead or besides, such as that it is redacted.
    """

    text: str = ""
    picture: str = ""
    address: str = ""
    note: str = ""


class Names:
    """The names of users, as their rooms have them."""

    def __init__(self, room_ids: Iterable[str]) -> None:
        """Read the rooms.

        Args:
            room_ids: Their ids; an empty one is passed over.
        """
        wanted = sorted({room_id for room_id in room_ids if room_id})
        self.rooms: dict[str, Room] = {
            room.pk: room for part in in_parts(wanted) for room in Room.objects.filter(pk__in=part)
        }

    def of(self, room_id: str, user_id: str) -> str:
        """A user's name; empty: the room has none."""
        room = self.rooms.get(room_id)
        side = None if room is None else room.side_of(user_id)
        if room is None or side is None:
            return ""
        known = room.buyer_info if side is Role.BUYER else room.shop
        return str(known.get("name") or "")

    def of_room(self, room_id: str) -> str:
        """The names of both sides of a room; its id where there is no such room."""
        room = self.rooms.get(room_id)
        return room_id if room is None else " – ".join(name_of(room, side) for side in Role)


def messages_by_id(ids: Iterable[str]) -> dict[str, Message]:
    """Read messages by id; those that are gone are left out."""
    wanted = sorted({message_id for message_id in ids if message_id})
    return {message.pk: message for part in in_parts(wanted) for message in Message.objects.filter(pk__in=part)}


def content_of(message: Message | None) -> Content:
    """What to show of a message; None: it was deleted."""
    if message is None:
        return Content(note=_("The message does not exist any more."))
    if message.redacted_at is not None:
        return Content(note=_("Redacted"))
    return _content(message)


def held_content_of(held: HeldMessage) -> Content:
    """What to show of a held message."""
    if not held.content:
        return Content(note=_("Redacted"))
    return _content(Message(pk=str(held.pk), type=held.type, content=held.content))


def _content(message: Message) -> Content:
    line = Line(message, "", "")
    if not line.image_url:
        return Content(text=message.content)
    return Content(picture=line.image_url) if line.shows_image else Content(address=line.image_url)
