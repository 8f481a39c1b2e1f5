"""System checks of webhooks: what is wrong, and what would be right. No secret and no address is shown."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from event_relay.webhooks.configuration import EVENT_TYPES, Endpoint, WebhookSettings
from event_relay.webhooks.signing import LONGEST, SHORTEST, secret_key

MOST_ENDPOINTS = 16
"""Each reads the changes of the database by itself."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
BOUNDS = {
    "WEBHOOK_TIMEOUT": (1, 60),
    "WEBHOOK_CONCURRENCY": (1, 256),
    "WEBHOOK_GIVE_UP_AFTER": (60, 30 * 24 * 3600),
    "WEBHOOK_UNREAD_AFTER": (1, 7 * 24 * 3600),
}


@register()
def check_webhooks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the endpoints, and the numbers that hold for all of them."""
    try:
        settings = WebhookSettings.current()
    except ImproperlyConfigured:
        return []  # conversations.E010 says it
    found: list[CheckMessage] = []
    for name, (least, most) in BOUNDS.items():
        value = getattr(settings, name)
        if not least <= value <= most:
            found.append(_wrong(1, f"{name} is {value}", f"It must be a number from {least} to {most}."))
    if len(settings.WEBHOOKS) > MOST_ENDPOINTS:
        hint = f"{MOST_ENDPOINTS} are the most: let one of them pass events on to others."
        found.append(_wrong(2, f"WEBHOOKS has {len(settings.WEBHOOKS)} endpoints", hint))
    for name, endpoint in settings.WEBHOOKS.items():
        found += _endpoint(name, endpoint)
    return found


def _endpoint(name: str, endpoint: Endpoint) -> Iterator[Error]:
    if not NAME.fullmatch(name):
        yield _wrong(3, f"WEBHOOKS has an endpoint {name!r}", "Its name may have a-z, 0-9 and dashes, 40 at most.")
    parts = _parts(endpoint.url)
    if parts is None or not parts.hostname or parts.username is not None or parts.fragment:
        hint = "It must be https://host/path, without user, password and fragment. Deliveries are signed."
        yield _wrong(4, f"The url of the webhook {name!r} cannot be used", hint)
    elif parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        hint = "It must begin with https://. Plain http:// is for this machine alone: 127.0.0.1, [::1], localhost."
        yield _wrong(4, f"The url of the webhook {name!r} would carry messages in the clear", hint)
    if not endpoint.secrets:
        yield _wrong(5, f"The webhook {name!r} has no secret", "Make one: echo whsec_$(openssl rand -base64 32)")
    for place, secret in enumerate(endpoint.secrets, 1):
        try:
            secret_key(secret)
        except ValueError as error:
            hint = (
                f"It must be whsec_ and {SHORTEST} to {LONGEST} bytes in base64: echo whsec_$(openssl rand -base64 32)"
            )
            yield _wrong(5, f"Secret {place} of the webhook {name!r} cannot be used: {error}", hint)
    for kind in endpoint.types:
        if kind not in EVENT_TYPES:
            yield _wrong(6, f"The webhook {name!r} wants {kind!r}", "There are " + ", ".join(sorted(EVENT_TYPES)) + ".")


def _wrong(number: int, what: str, hint: str) -> Error:
    return Error(f"{what}.", hint=hint, id=f"event_relay.E{number:03}")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
