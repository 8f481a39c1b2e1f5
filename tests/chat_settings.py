"""The keys of `settings.CONVERSATIONS` in tests: set, and read, like settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.test import override_settings

from persistence.configuration import SETTING, known_settings, value_of


class ChatSettings:
    """pytest-django's `settings`, whose attributes are the keys of CONVERSATIONS, too."""

    def __init__(self, settings: Any) -> None:
        object.__setattr__(self, "_settings", settings)

    def __getattr__(self, name: str) -> Any:
        return value_of(name) if name in known_settings() else getattr(self._settings, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in known_settings():
            name, value = SETTING, {**self._settings.CONVERSATIONS, name: value}
        setattr(self._settings, name, value)


def overridden(**settings: Any) -> override_settings:
    """Override settings, of which some are keys of CONVERSATIONS."""
    keys = {name: settings.pop(name) for name in set(settings) & set(known_settings())}
    return override_settings(**settings, **{SETTING: {**django_settings.CONVERSATIONS, **keys}})
