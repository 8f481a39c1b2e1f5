"""Conversations that nobody had, as the services would have stored them: for the demo, and for load."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TypeAlias

from conversations.models import SIDES, EmbeddedMessage, Message, MessageType, Room
from conversations.storage.message_ids import MessageIds
from identity import Role

Line: TypeAlias = tuple[float, Role, str]
"""Minutes ago, who speaks, what."""


@dataclass(frozen=True)
class Conversation:
    """A room and what was said in it.

    Attributes:
        buyer: The buyer's user id.
        seller: The seller's user id.
        buyer_name: The buyer's name, as the seller sees it.
        shop_name: The shop's name, as the buyer sees it.
        lines: The messages, oldest first; at least one.
        unseen: How many of the last ones their receivers have not seen.
    """

    buyer: str
    seller: str
    buyer_name: str
    shop_name: str
    lines: tuple[Line, ...]
    unseen: int = 0

    @property
    def room_id(self) -> str:
        """The room's id."""
        return f"{self.buyer}.{self.seller}"

    def messages(self) -> list[Message]:
        """Make the messages, without storing them."""
        return [self._message(number) for number in range(len(self.lines))]

    def room(self, messages: list[Message]) -> Room:
        """Make the room that has these messages, without storing it."""
        last = messages[-1]
        embedded = {field.attname: getattr(last, field.attname) for field in EmbeddedMessage._meta.concrete_fields}
        unseen = [speaker.other for _, speaker, _ in self.lines[len(messages) - self.unseen :]]
        return Room(
            room_id=self.room_id,
            creator=self.buyer,
            buyer=self.buyer,
            seller=self.seller,
            shop_id=self.seller,
            shop={"id": self.seller, "name": self.shop_name},
            buyer_info={"name": self.buyer_name},
            **{fields.last_message: EmbeddedMessage(**embedded) for fields in SIDES.values()},
            **{SIDES[side].unseen_messages: unseen.count(side) for side in Role},
            created_at=messages[0].created_at,
            updated_at=last.created_at,
        )

    def _message(self, number: int) -> Message:
        minutes_ago, speaker, content = self.lines[number]
        message_id, created_at = MessageIds(lambda: int((time.time() - minutes_ago * 60) * 1000)).next()
        from_buyer = speaker is Role.BUYER
        return Message(
            message_id=message_id,
            room_id=self.room_id,
            sender=self.buyer if from_buyer else self.seller,
            recipient=self.seller if from_buyer else self.buyer,
            type=MessageType.TEXT,
            content=content,
            is_seen=number < len(self.lines) - self.unseen,
            created_at=created_at,
            updated_at=created_at,
        )


_MESSAGES_AT_ONCE = 1000


def store(conversations: list[Conversation], *, anew: bool = False) -> list[Conversation]:
    """Store those whose rooms do not exist, and return them.

    A room is stored after its messages: one that is there is whole.

    Args:
        conversations: What is to be there.
        anew: Whether messages without their room are deleted first, as an earlier call that was cut short leaves them.
            Only where no person can have such a room.
    """
    ids = [conversation.room_id for conversation in conversations]
    there = set(Room.objects.filter(pk__in=ids).values_list("pk", flat=True))
    missing = [conversation for conversation in conversations if conversation.room_id not in there]
    if not missing:
        return []
    if anew:
        Message.objects.filter(room_id__in=[conversation.room_id for conversation in missing]).delete()
    messages = {conversation.room_id: conversation.messages() for conversation in missing}
    Message.objects.bulk_create([each for of_room in messages.values() for each in of_room], _MESSAGES_AT_ONCE)
    Room.objects.bulk_create([conversation.room(messages[conversation.room_id]) for conversation in missing])
    return missing
