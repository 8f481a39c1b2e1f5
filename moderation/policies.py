"""Moderation's policy, the one place where the chat asks moderation about users and messages.

A message that no rule concerns is checked in memory alone. A store is asked only in a room in slow mode, while a flood
filter is active, and for a message that a filter hits.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Collection
from functools import partial
from typing import NoReturn

from django.utils import timezone

from conversations.errors import Forbidden
from conversations.payloads import MessagePayload
from conversations.policies import AfterStoring, Policy
from conversations.requests import Draft, DraftKind
from moderation.announcements import announce_queue
from moderation.errors import Code
from moderation.matching.filters import Found
from moderation.models import Evidence, FilterAction, HeldMessage, HeldState, RedactedOriginal, Revision
from moderation.payloads import QueueChange
from moderation.rules.cache import rules_cache
from moderation.rules.rate_limits import check_slow_mode, find_floods
from moderation.services.evidence import keep_revision
from moderation.services.filters import hold, note_flagged, note_refused
from moderation.signals import draft_caught
from persistence.availability import StoreUnavailable
from persistence.mongodb import STORE_ERRORS, Document, durable, in_parts, in_store_thread

logger = logging.getLogger(__name__)


class ModerationPolicy(Policy):
    """Moderation's `conversations.policies.Policy`. The settings name it:

        CONVERSATIONS = {"POLICIES": ["moderation.policies.ModerationPolicy"]}

    Its rules are those of `rules_cache()`, which every process refreshes by itself.
    """

    async def refresh(self, *, just_now: bool = False) -> None:
        """Refresh this process's rules.

        Args:
            just_now: Whether the rules must be no older than this call; else they are at most half a second old.

        Raises:
            StoreUnavailable: The rules were never read, and cannot be read now.
        """
        await rules_cache().refresh(just_now=just_now)

    def check_user(self, user_id: str) -> None:
        """Check that a user may connect and call the REST API.

        Raises:
            Forbidden: `banned`.
        """
        rules_cache().rules.check_user(user_id, timezone.now())

    def check_writer(self, user_id: str) -> None:
        """Check that a user may write.

        Raises:
            Forbidden: `banned`, `muted`.
        """
        rules = rules_cache().rules
        if rules.concern(user_id):
            rules.check_writer(user_id, timezone.now())

    async def check_message(self, draft: Draft) -> AfterStoring | None:
        """Check a message, an edit, or a buyer's details that a room is to show.

        Only a message can be held or be part of a flood: what a filter would hold of the others is refused, since a
        buyer's name is the same in all rooms. An edit takes no turn in slow mode.

        Args:
            draft: The text, with its room and sender.

        Returns:
            What to call once the text is stored: it reports what filters flagged. None: there is nothing to report.

        Raises:
            Forbidden: `banned`, `muted`, `message_refused`, `held_for_review`.
            TooSoon: `slow_mode`.
        """
        rules, now = rules_cache().rules, timezone.now()
        rules.check_writer(draft.sender, now)
        is_new = draft.kind is DraftKind.MESSAGE
        found = rules.matcher.find(draft.content, draft.type)
        if is_new and rules.matcher.floods:
            found += await find_floods(draft, rules.matcher.floods)
        if found:
            await _keep_back(draft, found, is_new=is_new)
        if draft.kind is not DraftKind.EDIT and (interval := rules.interval(draft.room_id, now)):
            await check_slow_mode(draft, interval)
        return partial(_flag, draft, found) if found else None

    def keep_revision(self, message: Document, replaced_at: datetime.datetime) -> None:
        """Store what a message says before it is edited; see `services.evidence.keep_revision`."""
        keep_revision(message, replaced_at)

    def images_kept(self, images: Collection[str]) -> set[str]:
        """Which of these images moderation keeps: of originals, held messages, revisions and evidence.

        Args:
            images: The names of uploads.

        Returns:
            Those of them that must not be deleted.
        """
        kept = {
            found["image"]
            for model in (RedactedOriginal, HeldMessage, Revision)
            for part in in_parts(images)
            for found in durable(model).find({"image": {"$in": part}}, ["image"])
        }
        for part in in_parts(images):
            for found in durable(Evidence).find({"images": {"$in": part}}, ["images"]):
                kept.update(found["images"])
        return kept & set(images)


async def _keep_back(draft: Draft, found: list[Found], *, is_new: bool) -> None:
    """Hold or refuse a message by the strictest filter that hit it; one that is only noted or flagged passes.

    A message that could not be held raises StoreUnavailable: its sender tries again.
    """
    strictest = max(found, key=lambda each: each.strictness)
    draft_caught.send(sender=None, action=str(strictest.action))
    if strictest.action in (FilterAction.NOTE, FilterAction.FLAG):
        return
    if strictest.action == FilterAction.HOLD and is_new:
        held, is_new_one = await in_store_thread(hold, draft, found, strictest)
        if is_new_one:
            await announce_queue(QueueChange(queue="held", change="new", ids=[str(held.pk)]))
        if held.state != HeldState.RELEASED:
            raise Forbidden(
                Code.HELD_FOR_REVIEW, "the message waits for the operator's review and is sent if that allows it"
            )
        return
    await _refuse(draft, found)


async def _refuse(draft: Draft, found: list[Found]) -> NoReturn:
    try:
        await in_store_thread(note_refused, draft, found)
    except (StoreUnavailable, *STORE_ERRORS) as error:  # it is refused all the same
        logger.warning(
            "a message of %s was refused, which could not be noted: %s",
            draft.sender,
            error,
            exc_info=not isinstance(error, StoreUnavailable),
        )
    raise Forbidden(Code.MESSAGE_REFUSED, "the operator does not allow this message")


async def _flag(draft: Draft, found: list[Found], stored: MessagePayload | None) -> None:
    is_new, message_id = draft.kind is DraftKind.MESSAGE, "" if stored is None else stored.id
    try:
        reports = await in_store_thread(note_flagged, draft, found, message_id, is_new=is_new)
        if reports:
            keys = [str(report.pk) for report in reports]
            await announce_queue(QueueChange(queue="reports", change="new", ids=keys))
    except (StoreUnavailable, *STORE_ERRORS) as error:  # it is sent, so its sender must not hear that it was refused
        logger.error(
            "what %s wrote in room %s (message %s) is to be reviewed, which could not be noted: %s",
            draft.sender,
            draft.room_id,
            message_id or "none",
            error,
            exc_info=not isinstance(error, StoreUnavailable),
        )
