"""Decisions about many held messages, and what their rows show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bson import ObjectId
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from moderation import services
from moderation.admin.reports.many import NoteForm
from moderation.admin.worklists.acts import mute_users
from moderation.admin.worklists.contents import Names, held_content_of
from moderation.admin.worklists.many import Given, ManyAct, Subject
from moderation.models import HeldMessage, HeldState
from moderation.staff import Staff
from persistence.mongodb import in_parts

_CHANGE: Final = "moderation.change_heldmessage"


def look_up(rows: list[Any]) -> None:
    """Set what the template of a row shows: `content`, `name`, `recipient_name`."""
    names = Names(held.room_id for held in rows)
    for held in rows:
        held.content_shown = held_content_of(held)
        held.name = names.of(held.room_id, held.sender)
        held.recipient_name = names.of(held.room_id, held.recipient)


def _read(keys: Sequence[str]) -> list[HeldMessage]:
    return [
        held
        for part in in_parts([key for key in keys if ObjectId.is_valid(key)])
        for held in HeldMessage.objects.filter(pk__in=part).order_by("held_at")
    ]


def _waiting(keys: Sequence[str]) -> list[Subject]:
    found: list[Any] = [held for held in _read(keys) if held.state == HeldState.HELD]
    look_up(found)
    return [Subject(str(held.pk), held.name or held.sender, held.content_shown) for held in found]


async def _release(staff: Staff, key: str, given: Given) -> Any:
    await services.release_held(staff, key, given["reason"])


async def _drop(staff: Staff, key: str, given: Given) -> Any:
    await services.drop_held(staff, key, given["reason"])


MANY: Final = {
    "release": ManyAct(
        label=_("Release…"),
        title=_("Release these messages?"),
        explanation=_("Each is sent to both sides now, at the end of its room. It cannot be undone."),
        button=_("Release them"),
        done=lambda count: (
            ngettext("%(count)s message is sent.", "%(count)s messages are sent.", count) % {"count": count}
        ),
        permissions=(_CHANGE,),
        form=NoteForm,
        subjects=_waiting,
        do=_release,
        key="r",
    ),
    "drop": ManyAct(
        label=_("Drop…"),
        title=_("Drop these messages?"),
        explanation=_("They are never sent. Their senders only see that they were held. It cannot be undone."),
        button=_("Drop them"),
        done=lambda count: (
            ngettext("%(count)s message is dropped.", "%(count)s messages are dropped.", count) % {"count": count}
        ),
        permissions=(_CHANGE,),
        form=NoteForm,
        subjects=_waiting,
        do=_drop,
        hurts=True,
        key="e",
    ),
    "mute": mute_users(lambda keys: [(held.room_id, held.sender) for held in _read(keys)]),
}
