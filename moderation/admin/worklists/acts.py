"""The acts on many things that more than one list has: muting users, redacting messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from moderation import services
from moderation.admin.acts import ReasonForm, RestrictForm
from moderation.admin.worklists.contents import Content, Names, content_of, messages_by_id
from moderation.admin.worklists.many import Given, ManyAct, Subject
from moderation.models import RestrictionKind
from moderation.staff import Staff

Found = Iterable[tuple[str, str]]
"""Of each row the id of a room, and of a user in it or of a message."""


def mute_users(found: Callable[[Sequence[str]], Found]) -> ManyAct:
    """Mute the users of the chosen rows, each once; those that are muted as long already are passed over.

    Args:
        found: Gives of the keys of rows the room and the user of each.
    """

    def subjects(keys: Sequence[str]) -> list[Subject]:
        pairs = {user_id: room_id for room_id, user_id in found(keys) if user_id}
        names = Names(pairs.values())
        return [
            Subject(user_id, names.of(room_id, user_id) or user_id, Content(note=user_id))
            for user_id, room_id in pairs.items()
        ]

    return ManyAct(
        label=_("Mute the users…"),
        title=_("Mute these users?"),
        explanation=_("They can still connect and read, but cannot write anywhere."),
        button=_("Mute them"),
        done=lambda count: ngettext("%(count)s user is muted.", "%(count)s users are muted.", count) % {"count": count},
        permissions=("moderation.add_restriction",),
        form=RestrictForm,
        subjects=subjects,
        do=_mute,
        hurts=True,
        key="m",
    )


def redact_messages(found: Callable[[Sequence[str]], Iterable[str]]) -> ManyAct:
    """Redact the messages of the chosen rows; those that are redacted or gone are left out.

    Args:
        found: Gives of the keys of rows the ids of messages.
    """

    def subjects(keys: Sequence[str]) -> list[Subject]:
        ids = list(dict.fromkeys(found(keys)))
        messages = messages_by_id(ids)
        names = Names(message.room_id for message in messages.values())
        standing = [messages[each] for each in ids if each in messages and messages[each].redacted_at is None]
        return [
            Subject(each.pk, names.of(each.room_id, each.sender) or each.sender, content_of(each)) for each in standing
        ]

    return ManyAct(
        label=_("Redact…"),
        title=_("Redact these messages?"),
        explanation=_("They disappear for both sides at once. The originals are kept: a lead can restore each."),
        button=_("Redact them"),
        done=lambda count: (
            ngettext("%(count)s message is redacted.", "%(count)s messages are redacted.", count) % {"count": count}
        ),
        permissions=("moderation.redact_message",),
        form=ReasonForm,
        subjects=subjects,
        do=_redact,
        hurts=True,
        key="r",
    )


async def _mute(staff: Staff, user_id: str, given: Given) -> Any:
    # Done already where it was stopped and is begun again.
    if not await services.is_restricted(user_id, RestrictionKind.MUTE, given["end"]):
        await services.mute(staff, user_id, given["reason"], until=given["end"], told=given.get("told", ""))


async def _redact(staff: Staff, message_id: str, given: Given) -> Any:
    await services.redact_message(staff, message_id, given["reason"])
