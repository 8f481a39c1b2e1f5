"""System checks of this app's settings: what is wrong, with which value, and what would be right."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.files.storage import storages

from socketio_bridge.rates import Rate

MOST_PIXELS = 40_000_000
"""Some 1.4 gigabytes of memory for the process that paints such an image."""


RATES = (
    "AUTH_FAILURES",
    "EVENT_RATE_USER",
    "EVENT_RATE_ADDRESS",
    "EVENT_RATE_MESSAGES",
    "EVENT_RATE_CONNECTS",
    "EVENT_RATE_COSTLY",
    "API_RATE_USER",
    "API_RATE_ADDRESS",
    "API_RATE_UPLOADS",
    "API_RATE_UPLOADS_ADDRESS",
    "API_RATE_SEARCHES",
)


@register()
def check_rates(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the rate limits: of invalid tokens, of events, of the REST API."""
    return list(_rates())


def _rates() -> Iterator[CheckMessage]:
    for name in RATES:
        try:
            Rate.read(getattr(settings, name))
        except ValueError:
            yield Error(
                f"{name} is {getattr(settings, name)!r}.",
                hint="It must be calls in a second, minute, hour or day, like 600/m (s, m, h, d), or 0 for no limit.",
                id="conversations.E001",
            )


@register()
def check_uploads(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Check the limits of images, and their storage."""
    return list(_uploads())


def _uploads() -> Iterator[CheckMessage]:
    for name, most in (("UPLOAD_MAX_BYTES", sys.maxsize), ("UPLOAD_MAX_PIXELS", MOST_PIXELS)):
        if not 1 <= getattr(settings, name) <= most:
            yield Error(
                f"{name} is {getattr(settings, name)!r}.",
                hint="It must be a number, 1 or more" + ("." if most == sys.maxsize else f", at most {most}."),
                id="conversations.E002",
            )
    storage: Any = storages.backends["default"]
    try:
        storages.create_storage(storage)
    except Exception as error:  # a storage is anybody's code
        yield Error(
            f"MEDIA_STORAGE is {storage['BACKEND']!r}, which cannot be used: {error}",
            hint="It must be the path of a Django storage that is installed, like storages.backends.s3.S3Storage, "
            "and MEDIA_STORAGE_OPTIONS a JSON object of the options that it takes.",
            id="conversations.E003",
        )
