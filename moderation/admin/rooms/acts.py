"""Acts on a room's page. Each is a form with an address of its own, and calls a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from bson import ObjectId
from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.views.decorators.http import require_POST

from conversations.errors import REFUSALS
from conversations.models import Room
from moderation import services
from moderation.admin.acts import ReasonForm, RestrictForm, sentence, staff_of
from moderation.admin.links import room_url
from moderation.admin.reports.evidence import picture_url
from moderation.admin.rooms.transcript import message_of
from moderation.admin.users.notes import NoteForm
from moderation.models import Restriction, TargetKind
from moderation.staff import Staff, may
from moderation.staff_site.namespace import PERMISSIONS

Given = dict[str, Any]


class MessageForm(ReasonForm):
    """The form of an act on a message."""

    message = forms.CharField(max_length=255)


class SideForm(RestrictForm):
    """The form of an act on one side of the room."""

    user = forms.CharField(max_length=255)


class SlowForm(RestrictForm):
    interval = forms.IntegerField(min_value=1)


class LiftForm(ReasonForm):
    restriction = forms.CharField(max_length=64)


class SupportForm(forms.Form):
    """A message from Support."""

    content = forms.CharField(strip=False)

    def clean_content(self) -> str:
        """Convert the line breaks of HTML forms (CR LF) to those that users write."""
        content: str = self.cleaned_data["content"]
        return content.replace("\r\n", "\n").strip()


@dataclass(frozen=True, slots=True)
class RoomAct:
    """One act: its permissions, its form, the service, and the message when it is done."""

    permissions: tuple[str, ...]
    form: type[forms.Form]
    do: Callable[[Staff, Room, Given], Awaitable[Any]]
    done: str


async def _redact(staff: Staff, room: Room, given: Given) -> None:
    await services.redact_message(staff, given["message"], given["reason"])


async def _restore(staff: Staff, room: Room, given: Given) -> None:
    await services.restore_message(staff, given["message"], given["reason"])


async def _redact_info(staff: Staff, room: Room, given: Given) -> None:
    await services.redact_introduction(staff, room.pk, given["reason"])


async def _restore_info(staff: Staff, room: Room, given: Given) -> None:
    await services.restore_introduction(staff, room.pk, given["reason"])


async def _read_original(staff: Staff, room: Room, given: Given) -> str:
    """The message's content; of an image the address at which staff see it."""
    original = await services.read_original(staff, given["message"], given["reason"])
    return picture_url(original.image) if original.image else original.content


async def _mute(staff: Staff, room: Room, given: Given) -> None:
    await services.mute(staff, given["user"], given["reason"], until=given["end"])


async def _ban(staff: Staff, room: Room, given: Given) -> None:
    await services.ban(staff, given["user"], given["reason"], until=given["end"])


async def _slow_down(staff: Staff, room: Room, given: Given) -> None:
    await services.slow_down(staff, room.pk, given["interval"], given["reason"], until=given["end"])


async def _lift(staff: Staff, room: Room, given: Given) -> None:
    await services.lift(staff, given["restriction"], given["reason"])


async def _close(staff: Staff, room: Room, given: Given) -> None:
    await services.close_room(staff, room.pk, given["reason"])


async def _reopen(staff: Staff, room: Room, given: Given) -> None:
    await services.reopen_room(staff, room.pk, given["reason"])


async def _note(staff: Staff, room: Room, given: Given) -> None:
    await services.add_note(staff, TargetKind.ROOM, room.pk, given["text"])


async def _write(staff: Staff, room: Room, given: Given) -> None:
    await services.write_as_support(staff, room.pk, given["content"])


_REDACT, _READ_ORIGINAL = "moderation.redact_message", "moderation.view_redactedoriginal"
_RESTRICT, _LIFT = "moderation.add_restriction", "moderation.change_restriction"
_CLOSE, _NOTE, _WRITE = "moderation.close_room", "moderation.add_note", "moderation.write_as_support"
ORIGINAL = "original"

ACTS: dict[str, RoomAct] = {
    "redact": RoomAct((_REDACT,), MessageForm, _redact, "The message is redacted: it is gone for both sides."),
    # Whoever restores a message reads it: so it takes what reading the original takes.
    "restore": RoomAct(
        (_REDACT, _READ_ORIGINAL), MessageForm, _restore, "The message is restored: both sides see it again."
    ),
    ORIGINAL: RoomAct((_READ_ORIGINAL,), MessageForm, _read_original, "The message said: {answer}"),
    "redact-info": RoomAct((_REDACT,), ReasonForm, _redact_info, "The seller sees no name or picture of the buyer."),
    "restore-info": RoomAct(
        (_REDACT, _READ_ORIGINAL), ReasonForm, _restore_info, "The seller sees the buyer's name and picture again."
    ),
    "mute": RoomAct((_RESTRICT,), SideForm, _mute, "The user is muted: they can read, and cannot write."),
    "ban": RoomAct((_RESTRICT,), SideForm, _ban, "The user is banned, and disconnected everywhere."),
    "slow": RoomAct((_RESTRICT,), SlowForm, _slow_down, "The room is in slow mode."),
    "lift": RoomAct((_LIFT,), LiftForm, _lift, "The restriction is lifted."),
    "close": RoomAct((_CLOSE,), ReasonForm, _close, "The room is closed: it takes no messages of the two sides."),
    "reopen": RoomAct((_CLOSE,), ReasonForm, _reopen, "The room is open again."),
    "note": RoomAct((_NOTE,), NoteForm, _note, "The note is saved."),
    "write": RoomAct((_WRITE,), SupportForm, _write, "Both sides have the message, from Support."),
}


@require_POST
def do_act(request: HttpRequest, room_id: str, act_name: str) -> HttpResponse:
    """Do an act. The page's script gets JSON, {`done`} or {`error`}; a form without scripts gets the page again."""
    act = ACTS.get(act_name)
    room = Room.objects.filter(pk=unquote(room_id)).first()
    if act is None or room is None:
        raise Http404("There is no such act, or no such room.")
    if not all(may(request, permission) for permission in (*PERMISSIONS, *act.permissions)):
        raise PermissionDenied
    form = act.form(request.POST)
    if not form.is_valid():
        return _refused(request, room, _what_is_wrong(form))
    if wrong := _not_of_room(room, form.cleaned_data):
        return _refused(request, room, wrong)
    try:
        answer = async_to_sync(act.do)(staff_of(request), room, form.cleaned_data)
    except REFUSALS as refusal:
        return _refused(request, room, sentence(refusal))
    return _done(request, room, act_name, act.done.format(answer=answer), answer)


def _not_of_room(room: Room, given: Given) -> str:
    """What is wrong where the target of an act does not belong to the room; empty: nothing."""
    if "message" in given and message_of(room, given["message"]) is None:
        return f"There is no message {given['message']!r} in this room."
    if "user" in given and given["user"] not in (room.buyer, room.seller):
        return f"User {given['user']!r} is neither the buyer nor the seller of this room."
    if "restriction" in given:
        restriction = _restriction(given["restriction"])
        concerned = (room.buyer, room.seller)
        if restriction is None or not (restriction.room_id == room.pk or restriction.user_id in concerned):
            return "There is no such restriction of this room, or of one of its sides."
    return ""


def _restriction(restriction_id: str) -> Restriction | None:
    return Restriction.objects.filter(pk=restriction_id).first() if ObjectId.is_valid(restriction_id) else None


def _what_is_wrong(form: forms.Form) -> str:
    return " ".join(
        str(error) if field == "__all__" else f"{field.capitalize()}: {error}"
        for field, errors in form.errors.items()
        for error in errors
    )


def _wants_json(request: HttpRequest) -> bool:
    return request.accepts("application/json") and not request.accepts("text/html")


def _refused(request: HttpRequest, room: Room, why: str) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"error": why}, status=400)
    messages.error(request, why)
    return HttpResponseRedirect(room_url(room.pk))


def _done(request: HttpRequest, room: Room, act_name: str, done: str, answer: object) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse({"original": answer} if act_name == ORIGINAL else {"done": done})
    messages.success(request, done)
    return HttpResponseRedirect(room_url(room.pk))
