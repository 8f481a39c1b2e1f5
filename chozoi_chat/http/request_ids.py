"""An id for each HTTP request, in its log lines and in its answer, so that one finds the other."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "X-Request-ID"
_FORM = re.compile(r"[\w.:-]{8,64}", re.ASCII)

current_request: ContextVar[tuple[HttpRequest, str] | None] = ContextVar("current_request", default=None)
"""The request that is being answered, and its id."""


@sync_and_async_middleware
def with_request_id(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware of Django: give each request an id, and the answer the same one.

    A proxy may have given it one, in `X-Request-ID`. Anything else there is replaced.
    """
    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            request_id = _begin(request)
            return _named(await get_response(request), request_id)

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        request_id = _begin(request)
        return _named(get_response(request), request_id)

    return synchronous


def _begin(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    request_id = given if _FORM.fullmatch(given) else uuid.uuid4().hex
    current_request.set((request, request_id))
    return request_id


def _named(response: HttpResponseBase, request_id: str) -> HttpResponseBase:
    response.headers[HEADER] = request_id
    return response
