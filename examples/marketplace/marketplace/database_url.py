"""DATABASE_URL in Django's words."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def database(url: str) -> dict[str, Any]:
    """An entry of DATABASES.

    Args:
        url: `postgresql://user:password@host:port/name?sslmode=require`, whose parts are percent-encoded and whose
            query holds options of libpq, or `sqlite:////absolute/path`, or `sqlite:///relative/path`.

    Raises:
        ImproperlyConfigured: It is neither, or names no database.

    """
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database. An example: postgresql://user:password@host/name")
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": name}
    if parts.scheme not in ("postgresql", "postgres"):
        raise ImproperlyConfigured(f"DATABASE_URL begins with {parts.scheme!r}; it may be postgresql or sqlite")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": parts.port or "",
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
