"""Pages of acts: each explains the act, asks for a reason, and calls the service. Also forms and downloads."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any, ClassVar, Final

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import content_disposition_header, url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView

from conversations.errors import REFUSALS
from moderation.admin.times import UntilField, shown
from moderation.configuration import NoticeSettings
from moderation.staff import Staff, may
from persistence.mongodb import in_store_thread

LONGEST_REASON = 2000
LONGEST_TOLD = 500
FOR_GOOD: Final = "for_good"
UNTIL: Final = "until"
HOURS: Final = (("1", "1 hour"), ("24", "1 day"), ("168", "7 days"), ("720", "30 days"))
_LINES_AT_ONCE = 500


class ReasonForm(forms.Form):
    """The form of an act that needs a reason."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "class": "vLargeTextField"}),
        help_text="For colleagues, and kept in the audit. Users do not see it.",
    )


class NoForm(forms.Form):
    """The form of an act that needs no input."""


class ActView(FormView[forms.Form]):
    """The page of one act.

    Afterwards staff return to the page that linked here (`?next=`), or to `done_url`. A refusal of the service is shown
    above the form, which keeps its values.

        class MuteView(ActView):
            permission = "moderation.add_restriction"
            title, button, done = "Mute", "Mute", "The user is muted."

            async def act(self, staff, given):
                await services.mute(staff, "7", given["reason"])

    Attributes:
        permission: What it takes to open the page.
        title: The heading; a subclass may override `heading`.
        button: The label of the button.
        done: The message after the act; `{answer}` in it stands for what `act` returned.
        hurts: Whether the button is drawn as a dangerous one.
    """

    template_name = "admin/moderation/act.html"
    form_class: type[forms.Form] = ReasonForm
    permission: str
    title: str | Promise = ""
    button: str | Promise
    done: str | Promise
    hurts: ClassVar[bool] = False

    def heading(self) -> str:
        """The heading of the page."""
        return str(self.title)

    def explanation(self) -> list[str]:
        """What the act does, one paragraph an item."""
        return []

    def done_url(self) -> str:
        """The page to return to without `?next=`."""
        raise NotImplementedError

    async def act(self, staff: Staff, given: dict[str, Any]) -> Any:
        """Do the act by a service.

        Args:
            staff: Who acts.
            given: The form's cleaned data.

        Returns:
            What `answered` needs.

        Raises:
            RuleViolation: It is refused.
            StoreUnavailable: MongoDB does not answer.
        """
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may(request, self.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        """The values that the link filled in."""
        names = self.get_form_class().base_fields
        return {**super().get_initial(), **{name: self.request.GET[name] for name in names if name in self.request.GET}}

    def form_valid(self, form: forms.Form) -> Any:
        """Do the act, or show why it was refused."""
        try:
            answer = async_to_sync(self.act)(staff_of(self.request), form.cleaned_data)
        except REFUSALS as refusal:
            form.add_error(None, sentence(refusal))
            return self.form_invalid(form)
        return self.answered(answer)

    def answered(self, answer: Any) -> Any:
        """The response once the act is done."""
        messages.success(self.request, str(self.done).format(answer=answer))
        return HttpResponseRedirect(self._next() or self.done_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        form = context["form"]
        return {
            **site.each_context(self.request),
            **context,
            "title": self.heading(),
            "explanation": self.explanation(),
            "button": self.button,
            "hurts": self.hurts,
            "next": self._next(),
            "back": self._next() or self.done_url(),
            "adminform": AdminForm(form, [(None, {"fields": list(form.fields)})], {}),
            "media": form.media,
        }

    def _next(self) -> str:
        wanted: str = self.request.POST.get("next") or self.request.GET.get("next") or ""
        safe = url_has_allowed_host_and_scheme(
            wanted, {self.request.get_host()}, require_https=self.request.is_secure()
        )
        return wanted if safe else ""


class ToldField(forms.CharField):
    """The reason as the user is told it. A form with it calls `drop_told`."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=LONGEST_TOLD,
            label=_("What the user is told"),
            help_text=_("The app may show it beside the end of the restriction. It may stay empty."),
        )


def drop_told(form: forms.Form) -> None:
    """Leave out the field `told` where the settings say that users are not told."""
    if "restriction" not in NoticeSettings.current().MODERATION_NOTICES:
        del form.fields["told"]


class RestrictForm(ReasonForm):
    """The form of a restriction; `cleaned_data["end"]` is its end, None: only when it is lifted."""

    length = forms.ChoiceField(
        label="For how long", choices=[*HOURS, (FOR_GOOD, "Until it is lifted"), (UNTIL, "Until a time:")]
    )
    until = UntilField(required=False, help_text="Only with “Until a time”.")
    told = ToldField()
    field_order = ["length", "until", "reason", "told"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drop_told(self)

    def clean(self) -> dict[str, Any]:
        """Compute the end from the two fields."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        length, until = cleaned.get("length"), cleaned.get("until")
        now = timezone.now()
        if length == UNTIL and "until" not in self.errors:
            if until is None:
                self.add_error("until", "Fill in until when, or choose another length.")
            elif until <= now:
                self.add_error("until", f"This has passed: now it is {shown(now)}.")
        elif until is not None and length is not None:
            self.add_error("length", "Choose “Until a time”, or leave the time below empty.")
        cleaned["end"] = end_of(length, until, now) if length else None
        return cleaned


def staff_of(request: HttpRequest) -> Staff:
    """Who makes a request, and the address. Behind a proxy uvicorn has found the client's (FORWARDED_ALLOW_IPS)."""
    return Staff.of(request.user, request.META.get("REMOTE_ADDR") or "")  # type: ignore[arg-type]  # signed in


def sentence(refusal: Exception) -> str:
    """A refusal as a sentence for staff."""
    return f"Not done: {refusal}."


def end_of(length: str, until: datetime.datetime | None, now: datetime.datetime) -> datetime.datetime | None:
    """When a restriction of a length ends.

    Args:
        length: One of HOURS, FOR_GOOD or UNTIL.
        until: The end, of UNTIL.
        now: The beginning.
    """
    if length == UNTIL:
        return until
    return None if length == FOR_GOOD else now + datetime.timedelta(hours=int(length))


def streamed(lines: Iterator[str], content_type: str, filename: str) -> StreamingHttpResponse:
    """Make a download.

    Args:
        lines: The content; it may read from the store as its lines are taken.
        content_type: The media type, without the charset.
        filename: The name that browsers save it under.
    """
    response = StreamingHttpResponse(_parts(lines), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


async def _parts(lines: Iterator[str]) -> AsyncIterator[str]:
    while part := await in_store_thread(lambda: "".join(islice(lines, _LINES_AT_ONCE))):
        yield part
