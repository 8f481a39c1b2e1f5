"""The page at `/` where there is no demo: what this is, and where its doors are."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from persistence.configuration import value_of


@require_safe
def front_page(request: HttpRequest) -> HttpResponse:
    """Say what this server is. It asks no store, so that anybody may ask for it."""
    return render(
        request,
        "front_page.html",
        {"path": value_of("SOCKET_PATH"), "namespace": value_of("MESSENGER_NAMESPACE")},
    )
