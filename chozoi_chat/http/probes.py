"""Probes by address: `/healthz` and `/readyz` are answered whatever host they name.

Kubernetes, Docker and load balancers ask a process by its IP address. Django's CommonMiddleware would refuse them with
400, unless ALLOWED_HOSTS named all addresses that a process may ever have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import resolve
from django.utils.decorators import async_only_middleware

PATHS: Final = ("/healthz", "/readyz")
"""What is answered; neither answer depends on the host."""

Answer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@async_only_middleware
def answer_probes(get_response: Answer) -> Answer:
    """Middleware of Django, before all that asks for the host: call the view of a probe, past all that follows."""

    async def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in PATHS:
            return await get_response(request)
        view = resolve(request.path_info)
        response: HttpResponseBase = await view.func(request, *view.args, **view.kwargs)
        return response

    return answer
