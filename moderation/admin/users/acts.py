"""Acts on a user of the chat, each on a page of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

from moderation import services
from moderation.admin.acts import ActView, ReasonForm, RestrictForm, streamed
from moderation.admin.links import person_url
from moderation.admin.users.notes import NoteForm
from moderation.admin.users.search import is_known, is_known_in_rooms
from moderation.models import TargetKind
from moderation.services.persons import json_array
from moderation.services.redaction import LONGEST_PAST
from moderation.staff import Staff


class PersonActView(ActView):
    """An act on the user in the address."""

    act_name: ClassVar[str]
    restricts: ClassVar[bool] = False
    """Whether it holds for an id that nobody has yet."""

    @property
    def user_id(self) -> str:
        return unquote(self.kwargs["user_id"])

    def heading(self) -> str:
        return f"{self.act_name} user {self.user_id}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Say first whether anybody has the id."""
        context = super().get_context_data(**kwargs)
        if not is_known(self.user_id):
            nobody = _("Nobody is known by the id %(user)s: no room, no report. Look at it once more.")
            context["warning"] = nobody % {"user": self.user_id}
        return context

    def answered(self, answer: Any) -> Any:
        """Say besides where nobody has the id."""
        if self.restricts and not is_known_in_rooms(self.user_id):
            text = _("Nobody of the id %(user)s has a room. It holds for whoever comes with this id.")
            messages.warning(self.request, text % {"user": self.user_id})
        return super().answered(answer)

    def done_url(self) -> str:
        return person_url(self.user_id)


class MuteView(PersonActView):
    form_class = RestrictForm
    permission = "moderation.add_restriction"
    act_name = "Mute"
    restricts = True
    button = "Mute"
    done = "The user is muted: they can read, and cannot write."

    def explanation(self) -> list[str]:
        return ["The user can still connect and read, but cannot write anywhere. The app tells the user so."]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.mute(staff, self.user_id, given["reason"], until=given["end"], told=given.get("told", ""))


class BanView(PersonActView):
    form_class = RestrictForm
    permission = "moderation.add_restriction"
    act_name = "Ban"
    restricts = True
    button = "Yes, ban this user"
    done = "The user is banned, and disconnected everywhere."
    hurts = True

    def explanation(self) -> list[str]:
        return [
            "All devices of the user are disconnected at once. Until the ban ends or is lifted the user can neither "
            "connect, nor read, nor write.",
            "Consider a mute first: a muted user still reads what sellers and buyers answer.",
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.ban(staff, self.user_id, given["reason"], until=given["end"], told=given.get("told", ""))


class NoteView(PersonActView):
    form_class = NoteForm
    permission = "moderation.add_note"
    act_name = "Note about"
    button = "Save the note"
    done = "The note is saved."

    def explanation(self) -> list[str]:
        return ["Only staff see notes. A note cannot be changed or deleted."]

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.add_note(staff, TargetKind.USER, self.user_id, given["text"])


class RedactRecentForm(ReasonForm):
    """How many hours back to redact."""

    hours = forms.IntegerField(
        label="Hours back", min_value=1, max_value=LONGEST_PAST, initial=1, help_text=f"From 1 to {LONGEST_PAST}."
    )
    field_order = ["hours", "reason"]


class RedactRecentView(PersonActView):
    """Redacting all that a user wrote in the last hours."""

    form_class = RedactRecentForm
    permission = "moderation.redact_messages_of_user"
    act_name = "Redact recent messages of"
    button = "Yes, redact these messages"
    done = "Redacted: {answer} messages."
    hurts = True

    def explanation(self) -> list[str]:
        return [
            "All messages that the user wrote in the last hours, in all rooms, disappear for both sides at once.",
            "The originals are kept. Each message can be restored, one at a time.",
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> int:
        return await services.redact_recent(staff, self.user_id, given["hours"], given["reason"])


class ExportView(PersonActView):
    """Exporting a user's data as a file."""

    permission = "moderation.export_person"
    act_name = "Export the data of"
    button = "Export as JSON"

    def explanation(self) -> list[str]:
        return [
            "A file with the user's rooms, what they wrote (redacted messages included), and their reports, "
            "restrictions and filter hits. It holds personal data: give it to nobody but the user."
        ]

    async def act(self, staff: Staff, given: dict[str, Any]) -> Any:
        return await services.export_person(staff, self.user_id, given["reason"])

    def answered(self, answer: Any) -> StreamingHttpResponse:
        """Answer with the file."""
        return streamed(json_array(answer), "application/json", f"user-{self.user_id}.json")


class EraseForm(ReasonForm):
    """Erasing asks for the id once more."""

    user_id = forms.CharField(label="The user's id, once more", max_length=255)
    field_order = ["user_id", "reason"]


class EraseView(PersonActView):
    form_class = EraseForm
    permission = "moderation.erase_person"
    act_name = "Erase the data of"
    button = "Yes, erase it for good"
    done = "Erased: {answer}."
    hurts = True

    def explanation(self) -> list[str]:
        return [
            "All that the user wrote is replaced in all rooms, and the originals of redacted messages, held messages "
            "and notes about the user are deleted. This cannot be undone.",
            "Rooms stay, and who wrote to whom and when; so does the audit. What an open report is about, or a hold "
            "covers, stays until that ends.",
            "With many rooms this takes minutes. If it is interrupted, start it again: it continues where it stopped.",
        ]

    def get_form(self, form_class: Any = None) -> forms.Form:
        """Make the form accept this user's id alone."""
        form = super().get_form(form_class)

        def right_id() -> str:
            if form.cleaned_data["user_id"] != self.user_id:
                raise forms.ValidationError(f"This is not the id of this user, which is {self.user_id}.")
            return self.user_id

        form.clean_user_id = right_id  # type: ignore[attr-defined]
        return form

    async def act(self, staff: Staff, given: dict[str, Any]) -> str:
        changed = await services.erase_person(staff, self.user_id, given["reason"])
        kept = changed.pop("kept")
        changes = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in changed.items())
        return (
            f"{changes}; {kept} messages were kept, for open reports or holds: erase again when those end"
            if kept
            else changes
        )
