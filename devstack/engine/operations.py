"""Queries that the embedded MongoDB gets in several steps: keys a few at a time, a range of time piece by piece."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from persistence.engine import operations

_KEYS = 25
_PIECES = (datetime.timedelta(days=1), datetime.timedelta(days=30))
_BEGINNING = datetime.datetime.min.replace(tzinfo=datetime.UTC)
_END = datetime.datetime.max.replace(tzinfo=datetime.UTC)


class DatabaseOperations(operations.DatabaseOperations):
    """`persistence.engine`'s, with the compilers of this package."""

    compiler_module = "devstack.engine.compiler"
    stops_at_limit = False

    def max_in_list_size(self) -> int:
        """How many keys one `$in` may have: comparing each document with 25 costs less than another query."""
        return _KEYS

    def key_conditions(self, field: str, keys: Sequence[Any]) -> Iterator[dict[str, Any]]:
        """Yield a condition for each key, and no `$in`: beside one, SecantusDB seeks no range in an index."""
        yield from ({field: key} for key in keys)

    def time_ranges(
        self,
        after: datetime.datetime | None,
        before: datetime.datetime | None,
        *,
        oldest_first: bool,
        about: Callable[[], datetime.datetime | None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the range in three pieces: a day from the end that is read first, a month from there, and the rest."""
        low = {"$gt": after or _BEGINNING}
        high = {} if before is None else {"$lt": before}
        start = (after if oldest_first else before) or (about and about())
        for edge in _edges(start, oldest_first=oldest_first):
            if (after is not None and edge <= after) or (before is not None and edge >= before):
                break
            if oldest_first:
                yield {**low, "$lt": edge}
                low = {"$gte": edge}
            else:
                yield {"$gte": edge, **high}
                high = {"$lt": edge}
        yield {**low, **high}


def _edges(start: datetime.datetime | None, *, oldest_first: bool) -> list[datetime.datetime]:
    if start is None or not _BEGINNING + _PIECES[-1] < start < _END - _PIECES[-1]:
        return []
    return [start + piece if oldest_first else start - piece for piece in _PIECES]
