"""A Content-Security-Policy on every answer: nothing that users wrote can run, or load anything, whatever else fails.

Django 6 brings such a middleware, to whose settings this one can then give way.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction
from django.core.files.storage import default_storage
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from persistence.configuration import value_of

logger = logging.getLogger(__name__)

HEADER = "Content-Security-Policy"


@sync_and_async_middleware
def content_security_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware of Django: add the header to each answer in which the view has not set it.

    Pictures may come from this server, from `PUBLIC_URL`, from the storage of uploads and from `IMAGE_HOSTS`.
    """
    if iscoroutinefunction(get_response):
        answer: Callable[[HttpRequest], Awaitable[HttpResponseBase]] = get_response

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            return _guarded(await answer(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> HttpResponseBase:
        return _guarded(get_response(request))

    return synchronous


def _guarded(response: HttpResponseBase) -> HttpResponseBase:
    if HEADER not in response:
        response[HEADER] = _policy(value_of("PUBLIC_URL"), value_of("IMAGE_HOSTS"))
    return response


@cache
def _policy(public_url: str, image_hosts: tuple[str, ...]) -> str:
    images = " ".join(sorted({source for source in _image_sources(public_url, image_hosts) if source}))
    return (
        f"default-src 'self'; img-src 'self' data: {images}".rstrip()
        + "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _image_sources(public_url: str, image_hosts: tuple[str, ...]) -> Iterator[str]:
    """Where pictures in conversations may be, that are shown without a click."""
    yield _origin(public_url)
    try:
        yield _origin(default_storage.url("a/picture"))
    except Exception:  # every storage has errors of its own
        logger.exception("The storage of pictures does not say where they are: the admin shows none without a click.")
    for host in image_hosts:
        if host.startswith("."):
            yield f"*{host}"
            yield host[1:]
        elif host != "*":
            yield host


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
