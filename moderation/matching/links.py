"""Links in a text, and whether they lead where they may."""

from __future__ import annotations

from collections.abc import Iterator

import re2

_ENDINGS = (
    "com|net|org|info|biz|vn|io|me|co|cc|app|dev|shop|store|online|site|xyz|top|link|click|live|club|vip|win|tk|ru|cn|"
    "ly|gl|to|gg|page|pro|tv|us|uk|de|fr|jp|kr|sg|th|asia"
)
_LABEL = r"[a-z0-9\x{80}-\x{10FFFF}](?:[a-z0-9\x{80}-\x{10FFFF}-]*[a-z0-9\x{80}-\x{10FFFF}])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})+"
_LINK = re2.compile(rf"(?i)(?:[a-z][a-z0-9+.-]*:)?//[^\s/?#]+|\bwww\.{_HOST}|{_HOST}/|(?:{_LABEL}\.)+(?:{_ENDINGS})\b")
"""With a scheme or two slashes; with `www.`; or a bare host: one that ends as hosts do, or has a path."""
_AS_BROWSERS_READ = str.maketrans({"\\": "/", "。": "."})


def hosts(text: str) -> Iterator[str]:
    """The hosts that a normalized text links to, in small letters, without port and user."""
    for match in _LINK.finditer(text.translate(_AS_BROWSERS_READ)):
        link: str = match.group()
        authority = link.partition("//")[2] or link
        host = authority.rpartition("@")[2].strip("/").partition(":")[0].strip(".").casefold()
        if host:
            yield host


class AllowedHosts:
    """Hosts that may be linked to, with what lies under them: `example.com` allows `www.example.com`."""

    def __init__(self, names: Iterator[str] | list[str]) -> None:
        self._names = frozenset(host_name(name) for name in names)

    def allow(self, host: str) -> bool:
        """Whether a host is one of them, or lies under one."""
        labels = host.split(".")
        return any(".".join(labels[start:]) in self._names for start in range(len(labels)))


def host_name(line: str) -> str:
    """The host that a line of an allow list means, which may be a whole link."""
    return next(hosts(line), line.strip().casefold().removeprefix("www."))
