"""The rules as every message is checked against them: in memory, without I/O."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from conversations.errors import Forbidden
from conversations.services import SUPPORT
from moderation.errors import Code
from moderation.matching.filters import Matcher
from moderation.models import MessageFilter, Restriction, RestrictionKind
from persistence.timestamps import to_wire


class _Span(NamedTuple):
    """The time of a restriction (None: without an end), and the seconds between two messages in slow mode."""

    ends_at: datetime.datetime | None
    interval: int

    def holds(self, now: datetime.datetime) -> bool:
        return self.ends_at is None or now < self.ends_at


class Rules:
    """Restrictions by user or room, and compiled filters. They are immutable; the time decides what is in force.

    Args:
        restrictions: The restrictions that have not ended.
        filters: The active filters.

    Attributes:
        matcher: The filters, compiled.
    """

    def __init__(self, restrictions: Iterable[Restriction] = (), filters: Iterable[MessageFilter] = ()) -> None:
        self._spans: dict[str, defaultdict[str, list[_Span]]] = {kind: defaultdict(list) for kind in RestrictionKind}
        for each in restrictions:
            span = _Span(each.ends_at, each.interval or 0)
            self._spans[each.kind][each.user_id or each.room_id].append(span)
        self.matcher = Matcher(filters)

    def banned(self, now: datetime.datetime) -> set[str]:
        """The users who are banned."""
        return {user for user in self._spans[RestrictionKind.BAN] if self._holding(RestrictionKind.BAN, user, now)}

    def concern(self, user_id: str) -> bool:
        """Whether a user has any mute or ban, in force or not: it saves reading the time."""
        return user_id in self._spans[RestrictionKind.BAN] or user_id in self._spans[RestrictionKind.MUTE]

    def check_user(self, user_id: str, now: datetime.datetime) -> None:
        """Check that a user is not banned.

        Raises:
            Forbidden: `banned`.
        """
        if user_id == SUPPORT:
            raise Forbidden(Code.BANNED, f"the id {SUPPORT!r} is the operator's own")
        if holding := self._holding(RestrictionKind.BAN, user_id, now):
            raise Forbidden(Code.BANNED, f"user {user_id!r} is banned{_until(holding)}")

    def check_writer(self, user_id: str, now: datetime.datetime) -> None:
        """Check that a user is neither banned nor muted.

        Raises:
            Forbidden: `banned`, `muted`.
        """
        self.check_user(user_id, now)
        if holding := self._holding(RestrictionKind.MUTE, user_id, now):
            raise Forbidden(Code.MUTED, f"user {user_id!r} may read, but not write{_until(holding)}")

    def interval(self, room_id: str, now: datetime.datetime) -> int:
        """The seconds that must pass between two messages of one side of a room; 0: it is not in slow mode."""
        holding = self._holding(RestrictionKind.SLOW_MODE, room_id, now)
        return max((span.interval for span in holding), default=0)

    def _holding(self, kind: RestrictionKind, subject: str, now: datetime.datetime) -> list[_Span]:
        spans = self._spans[kind].get(subject)
        return [] if spans is None else [span for span in spans if span.holds(now)]


def _until(spans: list[_Span]) -> str:
    ends = [span.ends_at for span in spans]
    return "" if None in ends else f" until {to_wire(max(end for end in ends if end is not None))}"
