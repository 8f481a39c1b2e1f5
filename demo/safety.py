"""Where the demo may run: where the people that it plays, and the key that it signs with, can be nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from identity.configuration import IdentitySettings

DEVELOPMENT_ENGINE = "devstack.engine"
_KEYS = ("AUTH_JWT_KEY", "AUTH_JWKS_URL", "AUTH_INTROSPECTION_URL")


def dangers() -> Iterator[tuple[str, str]]:
    """Yield why the demo may not run under these settings, and what to do about it; nothing where it may.

    In another database than the one for development, user 7 may be a person. A token that is signed with the key of an
    identity provider opens other services, too.
    """
    if settings.DATABASES["default"]["ENGINE"] != DEVELOPMENT_ENGINE:
        yield (
            "DEMO is on, and MONGODB_URI names a database of yours: whoever opens the page could write there as the "
            "users 7 and 501, whoever these are.",
            "Unset DEMO, or unset MONGODB_URI and use the embedded MongoDB (`make run`).",
        )
    identity = IdentitySettings.current()
    for name in _KEYS:
        if getattr(identity, name):
            yield (
                f"DEMO is on, and {name} is set: whoever opens the page would get tokens of your identity provider's "
                "users, and this server may not sign them.",
                f"Unset DEMO, or unset {name}: the server makes a key of its own.",
            )
