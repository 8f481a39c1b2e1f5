"""Acts of staff: the pages that say what will happen, ask why, and do it; their forms, and files they give."""

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
from django.utils.http import content_disposition_header, url_has_allowed_host_and_scheme
from django.views.generic import FormView

from conversations.errors import REFUSALS
from moderation.staff import Staff, may
from persistence.mongodb import in_store_thread

LONGEST_REASON = 2000
FOR_GOOD: Final = "for_good"
UNTIL: Final = "until"
HOURS: Final = (("1", "1 hour"), ("24", "1 day"), ("168", "7 days"), ("720", "30 days"))
_LINES_AT_ONCE = 500


class ReasonForm(forms.Form):
    """An act that wants nothing but a reason."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "class": "vLargeTextField"}),
        help_text="For colleagues, and kept in the audit. Users do not see it.",
    )


class NoForm(forms.Form):
    """An act that asks for nothing."""


class ActView(FormView[forms.Form]):
    """One act on one page. A subclass says what it is and does it; who may is told by `permission`.

    Afterwards staff are back where they came from, `?next=`, or at `done_url`. What a service refuses is said on the
    form, which keeps what was filled in.
    """

    template_name = "admin/moderation/act.html"
    form_class: type[forms.Form] = ReasonForm
    permission: str
    title = ""
    button: str
    done: str
    hurts: ClassVar[bool] = False

    def heading(self) -> str:
        """What the page is called."""
        return self.title

    def explanation(self) -> list[str]:
        """What will happen: a sentence a line."""
        return []

    def done_url(self) -> str:
        """Where to go without `?next=`."""
        raise NotImplementedError

    async def act(self, staff: Staff, given: dict[str, Any]) -> Any:
        """Do it, by a service. Raises one of REFUSALS where it is refused."""
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Refuse whoever lacks the permission."""
        if not may(request, self.permission):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        """What the link that led here has filled in already."""
        names = self.get_form_class().base_fields
        return {**super().get_initial(), **{name: self.request.GET[name] for name in names if name in self.request.GET}}

    def form_valid(self, form: forms.Form) -> Any:
        """Do it, and go back; or say why not."""
        try:
            answer = async_to_sync(self.act)(staff_of(self.request), form.cleaned_data)
        except REFUSALS as refusal:
            form.add_error(None, sentence(refusal))
            return self.form_invalid(form)
        return self.answered(answer)

    def answered(self, answer: Any) -> Any:
        """What staff get when it is done."""
        messages.success(self.request, self.done.format(answer=answer))
        return HttpResponseRedirect(self._next() or self.done_url())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The form as the admin draws it."""
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


class RestrictForm(ReasonForm):
    """Restricting whom or what the page names; `cleaned_data["end"]`: until when, `None`: until it is lifted."""

    length = forms.ChoiceField(
        label="For how long", choices=[*HOURS, (FOR_GOOD, "Until it is lifted"), (UNTIL, "Until a time:")]
    )
    until = forms.DateTimeField(
        label="Until (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="Only with “Until a time”.",
    )
    field_order = ["length", "until", "reason"]

    def clean(self) -> dict[str, Any]:
        """The end, from either field."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        length, until = cleaned.get("length"), cleaned.get("until")
        now = timezone.now()
        if length == UNTIL and "until" not in self.errors:
            if until is None:
                self.add_error("until", "Fill in until when, or choose another length.")
            elif until <= now:
                self.add_error("until", f"This has passed: now it is {now:%Y-%m-%d %H:%M} (UTC).")
        elif until is not None and length is not None:
            self.add_error("length", "Choose “Until a time”, or leave the time below empty.")
        cleaned["end"] = end_of(length, until, now) if length else None
        return cleaned


def staff_of(request: HttpRequest) -> Staff:
    """Who makes the request, and from where: behind a proxy uvicorn has found the address (FORWARDED_ALLOW_IPS)."""
    return Staff.of(request.user, request.META.get("REMOTE_ADDR") or "")  # type: ignore[arg-type]  # signed in


def sentence(refusal: Exception) -> str:
    """A refusal, written as one."""
    return f"Not done: {refusal}."


def end_of(length: str, until: datetime.datetime | None, now: datetime.datetime) -> datetime.datetime | None:
    """When a restriction of such a length ends."""
    if length == UNTIL:
        return until
    return None if length == FOR_GOOD else now + datetime.timedelta(hours=int(length))


def streamed(lines: Iterator[str], content_type: str, filename: str) -> StreamingHttpResponse:
    """A file to download. `lines` may read from the store as they are taken."""
    response = StreamingHttpResponse(_parts(lines), content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


async def _parts(lines: Iterator[str]) -> AsyncIterator[str]:
    while part := await in_store_thread(lambda: "".join(islice(lines, _LINES_AT_ONCE))):
        yield part
