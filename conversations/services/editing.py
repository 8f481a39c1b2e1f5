"""Editing of messages by their senders."""

from __future__ import annotations

import datetime
from functools import partial

from django.utils import timezone
from pymongo import ReturnDocument

from conversations.announcements import announce_update
from conversations.configuration import ChatSettings
from conversations.errors import Code, Forbidden, RuleViolation
from conversations.images.files import image_in
from conversations.images.uploads import let_go
from conversations.message_content import require_content
from conversations.models import Message, MessageType
from conversations.payloads import MessagePayload
from conversations.policies import check_message, policies
from conversations.requests import Draft, DraftKind
from conversations.services.messages import require_open, writable_rooms
from conversations.storage.changes import CHANGED
from conversations.storage.message_ids import message_ids
from conversations.storage.room_loader import Actor
from conversations.storage.room_summaries import update_last_messages
from persistence.fields import text_in
from persistence.mongodb import Document, atomically, durable, in_store_thread
from persistence.timestamps import stored_time


async def edit_message(actor: Actor, message_id: str, content: str) -> MessagePayload:
    """Replace the content of a message of the user's own, and send the message to both sides again.

    The rules are those of `send_message`. The policies get the former content, which they may keep.

    Args:
        actor: The authenticated user, who must be the message's sender.
        message_id: The message's id.
        content: The new content, of the same type.

    Returns:
        The message as both sides got it.

    Raises:
        RuleViolation: `validation_failed`, `message_not_found` (also for a message from before the user deleted the
            room), `not_a_member`, `role_not_allowed`, `not_the_sender`, `room_blocked`, `room_closed`,
            `edit_window_over`, `message_redacted`, `overloaded`; and those of the policies.
    """
    found = await in_store_thread(_find, message_id)
    if found is None:
        raise _not_found(message_id)
    room = await writable_rooms.load(text_in(found, "room_id"), caller=actor.user_id)
    side = room.side_for(actor)
    hidden_until, created_at = room.hidden_until(side), stored_time(found.get("created_at"))
    if hidden_until is not None and (created_at is None or created_at <= hidden_until):
        raise _not_found(message_id)
    if text_in(found, "from") != actor.user_id:
        raise RuleViolation(Code.NOT_THE_SENDER, f"message {message_id!r} was written by the other side")
    _require_young(created_at, message_id)
    require_open(room)
    message_type = text_in(found, "type") or MessageType.TEXT.value
    require_content(message_type, content)
    draft = Draft(
        room_id=room.room_id,
        sender=actor.user_id,
        recipient=room.user_on(side.other),
        receiver=side.other,
        type=message_type,
        content=content,
        kind=DraftKind.EDIT,
    )
    afterwards = await check_message(draft)
    edited = await in_store_thread(_edit, draft, message_id, message_ids.cutoff())
    if edited is None:
        raise RuleViolation(Code.MESSAGE_REDACTED, f"message {message_id!r} was redacted: it cannot be edited any more")
    payload = MessagePayload.read(edited)
    await announce_update(payload)
    for do in afterwards:
        await do(payload)
    return payload


def _require_young(created_at: datetime.datetime | None, message_id: str) -> None:
    """A message without a time counts as an old one."""
    window = datetime.timedelta(seconds=ChatSettings.current().EDIT_WINDOW)
    if window and (created_at is None or created_at + window < timezone.now()):
        raise Forbidden(
            Code.EDIT_WINDOW_OVER,
            f"message {message_id!r} is too old to be edited: it may be for {ChatSettings.current().EDIT_WINDOW} s",
        )


def _not_found(message_id: str) -> RuleViolation:
    return RuleViolation(Code.MESSAGE_NOT_FOUND, f"there is no message {message_id[:100]!r}")


def _find(message_id: str) -> Document | None:
    return durable(Message).find_one({"_id": message_id}, ["room_id", "from", "type", "created_at"])


def _edit(draft: Draft, message_id: str, now: datetime.datetime) -> Document | None:
    """The message after the change, with its copies in the room; None: it is redacted, or gone."""
    while True:
        before = durable(Message).find_one({"_id": message_id})
        if before is None or before.get("redacted_at") is not None:
            return None
        edited = atomically(partial(_replace, before, draft, now))
        if edited is not None:  # else somebody else edited it meanwhile, or redacted it
            return edited


def _replace(before: Document, draft: Draft, now: datetime.datetime) -> Document | None:
    if before.get("content") != draft.content:
        for policy in policies():
            policy.keep_revision(before, now)
    image, was = image_in(draft.type, draft.content), before.get("image")
    if was and was != image:
        let_go([was])
    change: dict[str, Document] = {"$set": {"content": draft.content, "updated_at": now}}
    followed = dict(change)
    if image:
        change = {"$set": {**change["$set"], "image": image}}
    elif was:
        change = {**change, "$unset": {"image": ""}}
    change |= CHANGED
    edited: Document | None = durable(Message).find_one_and_update(
        {"_id": before["_id"], "room_id": draft.room_id, "redacted_at": None, "content": before.get("content")},
        change,
        return_document=ReturnDocument.AFTER,
    )
    if edited is not None:
        update_last_messages([(draft.room_id, before["_id"])], followed)
    return edited
