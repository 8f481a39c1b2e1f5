"""Acts: who does it, and the pages that say what will happen, ask why, and do it."""

from __future__ import annotations

from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import FormView

from conversations.errors import REFUSALS
from moderation.permissions import may
from moderation.staff_site.staff import Staff

LONGEST_REASON = 2000


def staff_of(request: HttpRequest) -> Staff:
    """Who makes the request, and from where: behind a proxy uvicorn has found the address (FORWARDED_ALLOW_IPS)."""
    return Staff.of(request.user, request.META.get("REMOTE_ADDR") or "")  # type: ignore[arg-type]  # signed in


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


def sentence(refusal: Exception) -> str:
    """A refusal, written as one."""
    return f"Not done: {refusal}."
