"""Notes of staff: the list and a form. The pages of users and rooms have forms of their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from moderation import services
from moderation.admin.acts import ActView
from moderation.admin.changelists.keyset import UncountedAdmin
from moderation.admin.links import person_link, room_link
from moderation.models import Note, TargetKind
from moderation.services.rooms import LONGEST_NOTE
from moderation.staff import Staff, may


class NoteForm(forms.Form):
    """The text of a note."""

    text = forms.CharField(label="Note", max_length=LONGEST_NOTE, widget=forms.Textarea(attrs={"rows": 5, "cols": 60}))


class NewNoteForm(NoteForm):
    """A note and its subject."""

    target_kind = forms.ChoiceField(
        label="About a", choices=[(kind.value, kind.label) for kind in (TargetKind.USER, TargetKind.ROOM)]
    )
    target_id = forms.CharField(label="Id", max_length=512)
    field_order = ["target_kind", "target_id", "text"]


class AddView(ActView):
    """Write a note."""

    form_class = NewNoteForm
    permission = "moderation.add_note"
    title = "Add a note"
    button = "Save the note"
    done = "The note is saved."

    def explanation(self) -> list[str]:
        return ["Only staff see notes. A note cannot be changed or deleted."]

    def done_url(self) -> str:
        return reverse("admin:moderation_note_changelist")

    async def act(self, staff: Staff, given: dict[str, Any]) -> None:
        await services.add_note(staff, TargetKind(given["target_kind"]), given["target_id"], given["text"])


@admin.register(Note)
class NoteAdmin(UncountedAdmin):
    """The newest first; of one user or room by a search."""

    list_display = ("text", "about", "written_by", "written_at")
    list_display_links = None
    ordering = ("-written_at",)
    search_fields = ("target_id",)
    search_help_text = "The whole id of a user or a room."
    empty = "Nobody has written a note."

    def searched(self, term: str) -> list[Q]:
        """Search both kinds of subjects."""
        return [Q(target_kind=kind, target_id=term) for kind in (TargetKind.ROOM, TargetKind.USER)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request, "moderation.add_note")

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        return AddView.as_view()(request)

    @admin.display(description="About")
    def about(self, note: Note) -> str:
        return person_link(note.target_id) if note.target_kind == TargetKind.USER else room_link(note.target_id)
