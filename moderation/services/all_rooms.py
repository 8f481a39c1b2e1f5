"""The ids of all rooms, for work that goes through every one of them."""

from __future__ import annotations

from itertools import islice
from typing import Any

from conversations.models import Room
from persistence.mongodb import durable, in_store_thread

_PAGE = 5000


async def ids_of_rooms(condition: dict[str, Any] | None = None) -> list[str]:
    """Those that a query selects, or all: in memory, since work on them may take longer than a cursor lives."""
    cursor = await in_store_thread(lambda: durable(Room).find(condition or {}, ["_id"], batch_size=_PAGE))
    ids: list[str] = []
    while page := await in_store_thread(lambda: [room["_id"] for room in islice(cursor, _PAGE)]):
        ids += page
    return ids
