"""Origins for Django: the bridge's one rule for pages that call the REST API (CORS), and for what Django compares."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest

from socketio_bridge.transports.origins import is_allowed, own_origin


@receiver(check_request_enabled)
def may_call(sender: object, request: HttpRequest, **kwargs: object) -> bool:
    """Tell django-cors-headers whether the page that sent a request may call the API.

    The origins of `ALLOWED_ORIGINS` may, compared by the same rule as for sockets. A receiver of its signal
    `check_request_enabled`.
    """
    origin = request.headers.get("origin")
    if origin is None or not re.match(settings.CORS_URLS_REGEX, request.path_info):
        return False
    return is_allowed(origin, settings.ALLOWED_ORIGINS)


def with_own_origin(application: Any) -> Any:
    """Wrap an ASGI application so that its requests have the scheme and the host that the client asked for.

    Django compares a form's origin with both as texts (CSRF). With `Host: h:443`, or a list in `X-Forwarded-Proto`, it
    would refuse the server's own pages.

    Args:
        application: The application to wrap.
    """

    async def seen(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
            if own := own_origin(headers, scope["scheme"]):
                scheme, host = urlsplit(own)[:2]
                rest = [header for header in scope["headers"] if header[0] != b"host"]
                scope = {**scope, "scheme": scheme, "headers": [(b"host", host.encode("latin-1")), *rest]}
        await application(scope, receive, send)

    return seen
