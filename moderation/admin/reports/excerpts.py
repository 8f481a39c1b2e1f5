"""A few lines of a conversation: a message with its neighbours, or the latest ones of a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conversations.models import Message
from moderation.admin.rooms.transcript import Line, around, latest, room_or_shell

NEIGHBOURS: Final = 5


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of one room, the earliest first; `target`: the message that they are about, if they are about one."""

    room_id: str
    lines: list[Line]
    target: Message | None = None


def excerpt_around(message_id: str) -> Excerpt | None:
    """A message with those before and after it; `None`: it is gone."""
    target = Message.objects.filter(pk=message_id).first()
    if target is None:
        return None
    shown = around(room_or_shell(target.room_id), target, before=NEIGHBOURS, after=NEIGHBOURS)
    return Excerpt(target.room_id, shown.lines, target)


def latest_of(room_id: str) -> Excerpt:
    """The latest messages of a room."""
    return Excerpt(room_id, latest(room_or_shell(room_id), 2 * NEIGHBOURS).lines)
