"""The settings of the chat's apps: one dict, `settings.CONVERSATIONS`, of which each app declares its own keys.

    CONVERSATIONS = {"DATABASE": "chat", "REDIS_ADDRESS": "redis://cache:6379/0", "EDIT_WINDOW": 900}

A key that is not given has the default that its section declares.
"""

from __future__ import annotations

from typing import Any, Self

import msgspec
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

SETTING = "CONVERSATIONS"

_read: dict[type[Section], Section] = {}


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one app, with their types and defaults. A subclass declares them as fields.

    class ChatSettings(Section, frozen=True, kw_only=True):
        EDIT_WINDOW: int = 0

    ChatSettings.current().EDIT_WINDOW
    """

    @classmethod
    def current(cls) -> Self:
        """Return the values of the running project.

        Raises:
            ImproperlyConfigured: A value has the wrong type.
        """
        found = _read.get(cls)
        if found is None:
            given = given_settings()
            try:
                found = msgspec.convert({name: given[name] for name in cls.__struct_fields__ if name in given}, cls)
            except msgspec.ValidationError as error:
                raise ImproperlyConfigured(f"{SETTING}: {error}") from None
            _read[cls] = found
        return found  # type: ignore[return-value]  # the dict's values are of its keys


class StoreSettings(Section, frozen=True, kw_only=True):
    """Where the chat keeps what it knows.

    Attributes:
        DATABASE: The alias, in `DATABASES`, of the MongoDB.
        MONGODB_PATIENCE: Seconds that one operation may wait for MongoDB; longer than an election.
        REDIS_ADDRESS: The URL of the Redis with what the processes share of the moment: presence, counts, checkpoints.
    """

    DATABASE: str = "default"
    MONGODB_PATIENCE: int = 20
    REDIS_ADDRESS: str = "redis://127.0.0.1:6379/0"


def given_settings() -> dict[str, Any]:
    """Return what the project's settings say.

    Raises:
        ImproperlyConfigured: It is no dict.
    """
    given = getattr(settings, SETTING, {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured(f"{SETTING} is {given!r}: it must be a dict")
    return given


def known_settings() -> dict[str, type[Section]]:
    """Return the section of each key, of all apps that were imported."""
    return {name: section for section in Section.__subclasses__() for name in section.__struct_fields__}


def value_of(name: str) -> Any:
    """Return the value of a key, for code that has its name.

    Raises:
        ImproperlyConfigured: It has the wrong type.
        KeyError: No app that was imported declares it.
    """
    return getattr(known_settings()[name].current(), name)


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    if setting == SETTING:
        _read.clear()
