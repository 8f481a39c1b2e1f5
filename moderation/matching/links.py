"""Links in a text, and whether their hosts are allowed.

The package `publicsuffixlist` brings the Public Suffix List, from which the endings of hosts are known. RE2 finds the
links, in time linear in the text. linkify-it-py needs 25 ms for a word of 5,000 letters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote

import re2
from publicsuffixlist import PublicSuffixList

_LABEL = r"[\pL\pM\pN](?:[\pL\pM\pN-]*[\pL\pM\pN])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})+"
_LINK = re2.compile(rf"(?i)(?:[a-z][a-z0-9+.-]*:)?//([^\s/?#<>\"]+)|(?:([\pL\pM\pN._%+-]+)@)?({_HOST})")
_AUTHORITY, _MAILBOX, _BARE = 1, 2, 3
"""With a scheme or two slashes; or a bare host, of which `_bare_host` says whether it is one."""
_REST = re.compile(r"(?::\d+)?(?:[/?#][^\s<>\"]*)?")
"""Port, path, query and fragment: their dots make no host of their own."""
_ADDRESS_WITHIN = re2.compile(r"(?i)(?:[a-z][a-z0-9+.-]*:[/\\]{2}|\\@)([^\s/\\?#<>\"]+)")
"""What the rest of a link leads on to: `https://good.com/?to=https://evil.com`; and what some take for the host, as in
`https://good.com\\@evil.com`."""
_NUMERIC_HOST = re2.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}")
_AS_BROWSERS_READ = str.maketrans({"\\": "/", "。": "."})
_VOWELS = frozenset("aeiouy")
_LETTERS_WITH_MARKS = frozenset("ăđơư")
_MARKS = frozenset("\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323")
"""What Vietnamese writes over and under vowels."""


def hosts(text: str) -> Iterator[str]:
    """Yield the hosts that a normalized text links to, in small letters, without port and user."""
    if "." not in text and "//" not in text and "。" not in text and "\\" not in text:
        return
    written, text = text, text.translate(_AS_BROWSERS_READ)
    read_to = 0
    for match in _LINK.finditer(text):
        if match.start() < read_to:
            continue
        authority, end = match[_AUTHORITY], match.end()
        if authority is None:
            authority, end = _bare_host_of(match, text)
            if authority is None:
                continue
        rest = _REST.match(text, end)
        read_to = rest.end() if rest else end
        within = (link[1] for link in _ADDRESS_WITHIN.finditer(written[end:read_to]))
        for each in (authority, *within):
            if host := _host_of(each):
                yield host


class AllowedHosts:
    """Hosts that may be linked to, with their subdomains: `example.com` allows `www.example.com`.

    Args:
        names: The lines of an allow list.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(host_name(name) for name in names)

    def allow(self, host: str) -> bool:
        """Whether a host is on the list, or a subdomain of one that is."""
        labels = host.split(".")
        return any(".".join(labels[start:]) in self._names for start in range(len(labels)))


def host_name(line: str) -> str:
    """The host of a line of an allow list, which may be a whole link."""
    return _host_of(next(hosts(line), line.strip())).removeprefix("www.")


def _bare_host_of(match: Any, text: str) -> tuple[str | None, int]:
    """The host in a match without a scheme, and where it ends; of an e-mail address, the host after the `@`."""
    start, end = match.span(_BARE)
    if host := _bare_host(match[_BARE], text[end : end + 1]):
        return host, start + len(host)
    return match[_MAILBOX] and _bare_host(match[_MAILBOX], "@"), end


def _bare_host(labels_with_dots: str, following: str) -> str | None:
    """The host at the beginning of dotted labels: up to the last public suffix. None: the labels are a sentence."""
    if following in (":", "/") and _NUMERIC_HOST.fullmatch(labels_with_dots):
        return labels_with_dots
    labels = labels_with_dots.split(".")
    if labels[0].casefold() == "www":
        return labels_with_dots
    for last in range(len(labels) - 1, 0, -1):
        ending = _ending_in(labels[last])
        if _is_public(ending.casefold()) and not _begins_a_sentence(ending, labels[last - 1]):
            return ".".join([*labels[:last], ending])
    return None


def _ending_in(label: str) -> str:
    """The label up to a script without capitals, such as Chinese, which may follow a host without a space."""
    if label.isascii():
        return label
    ascii_part = label[: next(index for index, letter in enumerate(label) if not letter.isascii())]
    return ascii_part if ascii_part and unicodedata.category(label[len(ascii_part)]) == "Lo" else label


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False, only_icann=True)


@lru_cache(8192)
def _is_public(ending: str) -> bool:
    return len(ending) > 1 and _public_suffixes().publicsuffix(f"name.{ending}") is not None


def _begins_a_sentence(ending: str, before: str) -> bool:
    """Whether an ending is a Vietnamese syllable after a full stop without a space: `Hết hàng.Co màu khác`.

    An ending of two letters with a vowel is one if it begins with a capital, or follows a word with Vietnamese letters.
    A longer ending is one if both hold. `.vn` has no vowel.
    """
    is_syllable = len(ending) == 2 and not _VOWELS.isdisjoint(ending.casefold())
    capital = ending.istitle()
    if is_syllable and capital:
        return True
    return (is_syllable or capital) and _is_vietnamese(before)


def _is_vietnamese(word: str) -> bool:
    if word.isascii():
        return False
    letters = word.casefold()
    return not (_LETTERS_WITH_MARKS.isdisjoint(letters) and _MARKS.isdisjoint(unicodedata.normalize("NFD", letters)))


def _host_of(authority: str) -> str:
    """The host of `user:password@host:port` as browsers read it, with Punycode decoded."""
    if "%" in authority:
        authority = unquote(authority)
    host = authority.rpartition("@")[2]
    host = host.partition("]")[0] + "]" if host.startswith("[") else host.strip("/").partition(":")[0]
    labels = host.strip(".").casefold().split(".")
    return ".".join(_in_letters(label) for label in labels)


def _in_letters(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").casefold()
    except UnicodeError:
        return label
