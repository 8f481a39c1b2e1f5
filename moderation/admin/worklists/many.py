"""One act on many things: a page that shows them and asks, then act after act, each with its own audit record.

The page's script sends a few at a time, shows how far it has come, and stops when it is told to. What is done then
stays done. Without scripts MOST_AT_ONCE are done in one request.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.errors import REFUSALS
from moderation.admin.acts import sentence, staff_of
from moderation.admin.worklists.contents import Content
from moderation.staff import Staff, may

MOST: Final = 2000
"""Things that one page asks about; of more, these come first."""
MOST_AT_ONCE: Final = 200
"""Things that are acted on in one request."""
PREVIEWED: Final = 100
Given = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that is acted on: its key, whom it is of, and what is shown of it."""

    key: str
    who: str
    content: Content


@dataclass(frozen=True, slots=True)
class ManyAct:
    """An act that can be done to many.

    Attributes:
        label: The button above the list.
        title: The question above the things.
        explanation: What happens to each.
        button: The button below the things.
        done: The message afterwards, with how many.
        permissions: What it takes, all of these.
        form: What is asked for, once for all.
        subjects: Makes of the keys of rows what is acted on.
        do: Acts on one of them, by its key.
        hurts: Whether the button is drawn as a dangerous one.
        key: The key of the keyboard that presses the button.
    """

    label: str | Promise
    title: str | Promise
    explanation: str | Promise
    button: str | Promise
    done: Callable[[int], str]
    permissions: tuple[str, ...]
    form: type[forms.Form]
    subjects: Callable[[Sequence[str]], list[Subject]]
    do: Callable[[Staff, str, Given], Awaitable[Any]]
    hurts: bool = False
    key: str = ""

    def allowed(self, request: HttpRequest) -> bool:
        """Whether the user of the request may do it."""
        return all(may(request, permission) for permission in self.permissions)


def many_page(request: HttpRequest, act: ManyAct, all_keys: Callable[[], list[str]], back: str) -> HttpResponse:
    """Ask about the chosen rows; or, when that was answered, act.

    Args:
        request: A POST: of the list, with `chosen` or `all`; or of the page that asks, with `subjects`.
        act: The act.
        all_keys: Reads the keys of all rows of the list, MOST + 1 at most.
        back: The address of the list.
    """
    if not act.allowed(request):
        raise PermissionDenied
    if "subjects" in request.POST:
        return _do(request, act, back)
    keys = all_keys() if request.POST.get("all") else request.POST.getlist("chosen")
    subjects = act.subjects(keys[:MOST])
    if not subjects:
        messages.error(request, _("Choose something in the list first.") if not keys else _("There is nothing to do."))
        return HttpResponseRedirect(back)
    return _ask(request, act, act.form(), subjects, back, more=len(keys) > MOST)


def _ask(
    request: HttpRequest, act: ManyAct, form: forms.Form, subjects: list[Subject], back: str, *, more: bool = False
) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": act.title,
        "act": act,
        "form": form,
        "adminform": AdminForm(form, [(None, {"fields": list(form.fields)})], {}),  # type: ignore[arg-type]  # any form
        "media": form.media,
        "subjects": subjects,
        "previewed": subjects[:PREVIEWED],
        "left": max(0, len(subjects) - PREVIEWED),
        "keys": json.dumps([subject.key for subject in subjects]),
        "more": more,
        "most": MOST,
        "back": back,
        "texts": {
            "stop": _("Stop"),
            "stopped": _("Stopped. Done: %(done)s of %(all)s."),
            "progress": _("Done: %(done)s of %(all)s"),
            "partly": _("Done: %(done)s of %(all)s. Not done:"),
            "back": _("Back to the list"),
            "away": _("The server could not be reached. What is done stays done; the list shows the rest."),
        },
    }
    return TemplateResponse(request, "admin/moderation/worklist/many.html", context)


def _do(request: HttpRequest, act: ManyAct, back: str) -> HttpResponse:
    keys, form = _keys_in(request), act.form(request.POST)
    wants_json = request.accepts("application/json") and not request.accepts("text/html")
    if not form.is_valid():
        if wants_json:
            return JsonResponse({"errors": form.errors.get_json_data()}, status=400)
        return _ask(request, act, form, act.subjects(keys[:MOST]), back)
    refused = async_to_sync(_each)(staff_of(request), act, keys[:MOST_AT_ONCE], form.cleaned_data)
    done = min(len(keys), MOST_AT_ONCE) - len(refused)
    if not wants_json or request.POST.get("last"):
        before = int(request.POST.get("before") or 0) if request.POST.get("before", "").isdecimal() else 0
        messages.success(request, act.done(done + before))
    if wants_json:
        return JsonResponse({"done": done, "refused": refused})
    for _key, why in refused[:5]:
        messages.error(request, why)
    left = len(keys) - MOST_AT_ONCE
    if left > 0:
        text = ngettext("%(count)s is left: do it once more.", "%(count)s are left: do it once more.", left)
        messages.warning(request, text % {"count": left})
    return HttpResponseRedirect(back)


async def _each(staff: Staff, act: ManyAct, keys: list[str], given: Given) -> list[tuple[str, str]]:
    """Act on each; returns the keys of those that were refused, and why."""
    refused: list[tuple[str, str]] = []
    for key in keys:
        try:
            await act.do(staff, key, given)
        except REFUSALS as refusal:
            refused.append((key, sentence(refusal)))
    return refused


def _keys_in(request: HttpRequest) -> list[str]:
    """The keys that the page sent. BadRequest: they are none."""
    try:
        keys = json.loads(request.POST["subjects"])
    except ValueError:
        keys = None
    if not isinstance(keys, list) or len(keys) > MOST or not all(isinstance(key, str) for key in keys):
        raise BadRequest("`subjects` is no list of keys")
    return keys
