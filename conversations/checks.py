"""System checks of this app's settings: what is wrong, with which value, and what would be right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from conversations.api.throttling import Rate


@register()
def check_rates(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The REST API's limits of rate."""
    return list(_rates())


def _rates() -> Iterator[CheckMessage]:
    for name in ("API_RATE_USER", "API_RATE_ADDRESS"):
        try:
            Rate.read(getattr(settings, name))
        except ValueError:
            yield Error(
                f"{name} is {getattr(settings, name)!r}.",
                hint="It must be calls in a second, minute, hour or day, like 600/m (s, m, h, d), or 0 for no limit.",
                id="conversations.E001",
            )
