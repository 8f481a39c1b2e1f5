"""The page, and what its script asks of the server beyond the chat: a token, another process, a sudden death."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from conversations.configuration import ChatSettings
from demo import clients, elsewhere, supervised
from demo.people import PEOPLE
from demo.safety import dangers
from identity import issue_token

TOKEN_TTL = 3600  # seconds
_View = Callable[[HttpRequest], HttpResponseBase]


def _where_it_is_safe(view: _View) -> _View:
    """Refuse where the demo may not run. The checks say so at the start, unless another server than ours skips them."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        for why, hint in dangers():
            return HttpResponse(f"{why} {hint}", "text/plain", HTTPStatus.FORBIDDEN)
        return view(request)

    return guarded


@require_safe
@_where_it_is_safe
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """The demo."""
    chat = ChatSettings.current()
    config = {
        "path": chat.SOCKET_PATH,
        "namespace": chat.MESSENGER_NAMESPACE,
        "api": "/v1/conversations",
        "clients": clients.described(),
        "people": [person.described() for person in PEOPLE.values()],
        "csrfCookie": settings.CSRF_COOKIE_NAME,
        "signIn": reverse("demo-sign-in"),
        "elsewhere": reverse("demo-elsewhere"),
        "kill": reverse("demo-kill") if supervised.server_pid() else None,
        "staff": reverse("admin:conversations_room_change", args=["ROOM"]),
    }
    return render(request, "demo/page.html", {"config": config})


@require_POST
@_where_it_is_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    """Give a token for one of the demo's people: `user_id` of the form. Nobody else gets one."""
    person = PEOPLE.get(request.POST.get("user_id", ""))
    if person is None:
        return _refused(HTTPStatus.NOT_FOUND, "nobody of the demo has this `user_id`")
    token = issue_token(person.user_id, person.role, TOKEN_TTL)
    return JsonResponse({**person.described(), "token": token, "expires_at": int(time.time()) + TOKEN_TTL})


@require_POST
@_where_it_is_safe
def send_from_elsewhere(request: HttpRequest) -> HttpResponse:
    """Start a process that sends a message in a room of the demo: `room_id` and `from` of the form.

    What the message says is not the visitor's to choose. One such process runs at a time.
    """
    sender = PEOPLE.get(request.POST.get("from", ""))
    room_id = request.POST.get("room_id", "")
    buyer, _, seller = room_id.partition(".")
    if sender is None or sender.user_id not in (buyer, seller) or not {buyer, seller} <= PEOPLE.keys():
        return _refused(HTTPStatus.NOT_FOUND, "`room_id` is no room of the demo with `from` on one of its sides")
    if not elsewhere.start(room_id, sender):
        return _refused(HTTPStatus.CONFLICT, "such a process runs already")
    return JsonResponse({"status": True}, status=HTTPStatus.ACCEPTED)


@require_POST
@_where_it_is_safe
def kill_server(request: HttpRequest) -> HttpResponse:
    """Kill this server, where a supervisor starts it again."""
    pid = supervised.server_pid()
    if pid is None:
        return _refused(HTTPStatus.NOT_FOUND, "nobody would start this server again")
    supervised.kill_soon(pid)
    return JsonResponse({"status": True}, status=HTTPStatus.ACCEPTED)


def _refused(status: HTTPStatus, message: str) -> JsonResponse:
    return JsonResponse({"status": False, "message": message}, status=status)
