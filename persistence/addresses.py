"""Addresses of stores and services, as settings name them: what they say, and what of them may be shown."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

_USER_INFO = re.compile(r"//.*@", re.DOTALL)
_SECRET_OPTION = re.compile(r"(?i)([?&;][^=&;]*(?:password|token|secret|key|properties)[^=&;]*=)[^&;]*")
_SRV = "mongodb+srv://"


class UnusableAddress(ValueError):
    """The address cannot be used; the text says why, and shows no password."""


def without_password(address: str) -> str:
    """Return an address for people and logs: "…" stands for what may be a user name, a password or a token.

    All up to the last `@` counts as such: a password that should have been escaped may have any sign in it.
    """
    return _SECRET_OPTION.sub(r"\1…", _USER_INFO.sub("//…@", address))


def database_of(uri: str) -> str:
    """Return the name of the database that a MongoDB URI ends in. No name server is asked, of `mongodb+srv://` either.

    Raises:
        UnusableAddress: The URI names no database, or cannot be read.
    """
    plain = f"mongodb://{uri.removeprefix(_SRV)}".partition("?")[0] if uri.startswith(_SRV) else uri
    right = "It must be like mongodb://host:27017/chozoi_chat, with the database's name at its end."
    try:
        parsed = parse_uri(plain, warn=False)
    except (PyMongoError, ValueError) as error:
        problem = (
            "which cannot be read. In a user name and a password %40 stands for @, %2F for /, %3A for : and %25 for %"
            if "@" in uri
            else f"which cannot be read: {error}"
        )
        raise UnusableAddress(f"{without_password(uri)!r}, {problem}. {right}") from None
    database: str = parsed["database"] or ""
    if not database or parsed["collection"]:
        raise UnusableAddress(f"{without_password(uri)!r}, which names no database. {right}")
    return database


def options_of(uri: str) -> dict[str, str]:
    """Return the options of a MongoDB URI by their names, which are in small letters."""
    pairs = (pair.partition("=") for pair in re.split("[&;]", uri.partition("?")[2]) if pair)
    return {unquote(name).lower(): unquote(value) for name, _, value in pairs}
