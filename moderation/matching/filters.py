"""The active filters, compiled into one matcher."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from django.db.models import TextChoices

from conversations.message_content import is_at_a_known_host, without_stored_name
from conversations.models import MessageType
from moderation.matching.expressions import Expressions
from moderation.matching.links import AllowedHosts, hosts
from moderation.matching.text import normalized
from moderation.matching.words import Words


class FilterKind(TextChoices):
    """What the lines of `patterns` are."""

    WORDS = "words"
    """Words or phrases, found as whole words, in capitals or small."""
    REGEX = "regex"
    """Regular expressions in RE2's syntax, in capitals or small."""
    LINKS = "links"
    """Hosts that may be linked to, with what lies under them; a link to any other is a hit."""
    FLOOD = "flood"
    """None: the same text sent to `rooms` rooms within `seconds`."""


class FilterAction(TextChoices):
    """What happens to a message that a filter hits. Of several filters the strictest decides."""

    NOTE = "note"
    """It is sent; only the hit is logged, to see what a filter would find before it does anything."""
    FLAG = "flag"
    """It is sent, and a report opened."""
    HOLD = "hold"
    """It waits for staff to release or drop it."""
    REFUSE = "refuse"
    """It is not sent."""


class FilterDefinition(Protocol):
    """The fields of a filter, stored or not: see `moderation.models.MessageFilter`."""

    name: str
    kind: str
    patterns: str
    also_without_marks: bool
    rooms: int | None
    seconds: int | None
    action: str


_STRICTER = (FilterAction.NOTE, FilterAction.FLAG, FilterAction.HOLD, FilterAction.REFUSE)


@dataclass(frozen=True, slots=True)
class Found:
    """What one filter found.

    Attributes:
        filter_name: The filter.
        action: Its action.
        what: A word of the filter, what its expression matched, a host, or a number of rooms.
    """

    filter_name: str
    action: FilterAction
    what: str

    @property
    def strictness(self) -> int:
        """The rank of the action: among several, the greatest decides."""
        return _STRICTER.index(self.action)


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood filter: the same text in `rooms` rooms within `seconds`."""

    filter_name: str
    action: FilterAction
    rooms: int
    seconds: int


class Matcher:
    """Filters, compiled.

        Matcher(MessageFilter.objects.filter(is_active=True)).find("lừa đảo")

    Of an image's address it ignores the name of a stored file, and a host of IMAGE_HOSTS.

    Args:
        filters: The filters. Expressions that cannot be used are logged and left out.

    Attributes:
        floods: The flood filters, which need more than one text.
    """

    def __init__(self, filters: Iterable[FilterDefinition] = ()) -> None:
        known = list(filters)
        self._actions = {each.name: FilterAction(each.action) for each in known}
        self._words = Words(
            (line, each.name, each.also_without_marks)
            for each in known
            if each.kind == FilterKind.WORDS
            for line in lines_of(each.patterns)
        )
        self._expressions = Expressions(
            (line, each.name) for each in known if each.kind == FilterKind.REGEX for line in lines_of(each.patterns)
        )
        self._links = [
            (each.name, AllowedHosts(lines_of(each.patterns))) for each in known if each.kind == FilterKind.LINKS
        ]
        self._has_text_filters = any(each.kind != FilterKind.FLOOD for each in known)
        self.floods = tuple(
            Flood(each.name, FilterAction(each.action), each.rooms, each.seconds)
            for each in known
            if each.kind == FilterKind.FLOOD and each.rooms and each.seconds
        )

    def find(self, text: str, message_type: str = MessageType.TEXT) -> list[Found]:
        """Match a text.

        Args:
            text: The content of a message.
            message_type: The type of the message.

        Returns:
            The first match of each filter that hits. Flood filters are not matched here.
        """
        if not self._has_text_filters:
            return []
        is_image = message_type == MessageType.IMAGE
        own_host = next(hosts(normalized(text)), None) if is_image and is_at_a_known_host(text) else None
        text = normalized(without_stored_name(text) if is_image else text)
        found: dict[str, str] = {}
        for name, what in self._expressions.find(text):
            found.setdefault(name, what)
        for name, what in self._words.find(text):
            found.setdefault(name, what)
        if self._links:
            linked = [host for host in hosts(text) if host != own_host]
            for name, allowed in self._links:
                for host in linked:
                    if not allowed.allow(host):
                        found.setdefault(name, host)
        return [Found(name, self._actions[name], what) for name, what in found.items()]


def lines_of(patterns: str) -> list[str]:
    """The lines of a filter's `patterns`, without the empty ones."""
    return [line.strip() for line in patterns.splitlines() if line.strip()]
