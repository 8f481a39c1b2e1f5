"""A few lines of a conversation: a message with its neighbours, or the latest ones of a room."""

from __future__ import annotations

from dataclasses import dataclass

from conversations.models import Message, Room
from conversations.services import SUPPORT

NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One message, as staff see it beside others."""

    message: Message
    side: str
    is_target: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of one room, oldest first. `room`: `None` where it is gone."""

    room_id: str
    room: Room | None
    lines: list[Line]

    @property
    def target(self) -> Message | None:
        """The message that it shows with its neighbours; `None`: it shows the latest ones."""
        return next((line.message for line in self.lines if line.is_target), None)


def excerpt_around(message_id: str) -> Excerpt | None:
    """A message with those before and after it; `None`: it is gone."""
    target = Message.objects.filter(pk=message_id).first()
    if target is None:
        return None
    in_room = Message.objects.filter(room_id=target.room_id)
    if target.created_at is None:
        return _excerpt(target.room_id, [target], message_id)
    before = in_room.filter(created_at__lte=target.created_at).order_by("-created_at", "-message_id")
    after = in_room.filter(created_at__gte=target.created_at).order_by("created_at", "message_id")
    found = {message.pk: message for message in [*before[: NEIGHBOURS + 1], *after[: NEIGHBOURS + 1], target]}
    return _excerpt(target.room_id, list(found.values()), message_id)


def latest_of(room_id: str) -> Excerpt:
    """The latest messages of a room."""
    latest = Message.objects.filter(room_id=room_id).order_by("-created_at", "-message_id")[: 2 * NEIGHBOURS]
    return _excerpt(room_id, list(latest), "")


def _excerpt(room_id: str, messages: list[Message], target: str) -> Excerpt:
    room = Room.objects.filter(pk=room_id).first()
    messages.sort(key=lambda message: (message.created_at is not None, message.created_at, message.pk))
    return Excerpt(room_id, room, [Line(each, _side(room, each), each.pk == target) for each in messages])


def _side(room: Room | None, message: Message) -> str:
    if message.sender == SUPPORT:
        return "support"
    side = room.side_of(message.sender) if room is not None else None
    return side.lower() if side is not None else "buyer"
