"""How long the lists of the REST API take with 1,000,000 messages in 20,000 rooms.

`python -m benchmarks.rest_lists` starts an embedded MongoDB of its own, fills it, and asks each list several times, in
this process, without a network between. `--uri` names another MongoDB, whose database it fills.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

ROOMS, ROOMS_OF_SELLER, MESSAGES, LONGEST = 20_000, 5_000, 1_000_000, 20_000
SELLER, LONG_ROOM = "90001", "7.90001"
START = datetime.datetime(2026, 1, 1)


def rooms() -> list[tuple[str, str]]:
    """Buyer and seller of each room: one seller has 5,000, and the first of these is the room of 20,000 messages."""
    of_seller = [(str(7 + number), SELLER) for number in range(ROOMS_OF_SELLER)]
    return of_seller + [(str(number), str(80_000 + number % 500)) for number in range(ROOMS - ROOMS_OF_SELLER)]


def an_hour_apart(position: int) -> datetime.datetime:
    """Each room began an hour before the next."""
    return START - datetime.timedelta(hours=position)


def fill(database: Any, begun: Callable[[int], datetime.datetime] = an_hour_apart) -> None:
    """Insert the rooms and messages; `begun`: when, of each room, by its number."""
    sides = rooms()
    count = {f"{buyer}.{seller}": (MESSAGES - LONGEST) // (ROOMS - 1) for buyer, seller in sides}
    count[LONG_ROOM] = MESSAGES - sum(count.values()) + count[LONG_ROOM]
    number, batch, documents = 0, [], []
    for position, (buyer, seller) in enumerate(sides):
        room_id = f"{buyer}.{seller}"
        last: dict[str, Any] = {}
        for index in range(count[room_id]):
            number += 1
            sender, recipient = (buyer, seller) if index % 2 else (seller, buyer)
            created_at = begun(position) + datetime.timedelta(minutes=index)
            last = {
                "created_at": created_at, "_id": f"m{number:08}", "room_id": room_id, "from": sender, "to": recipient,
                "type": "TEXT", "content": f"message {index} of {room_id}", "is_seen": index < count[room_id] - 3,
                "updated_at": created_at, "__v": 0,
            }  # fmt: skip
            batch.append(last)
            if len(batch) == 5000:
                database.cz_messages.insert_many(batch, ordered=False)
                batch = []
        documents.append(
            {
                "_id": room_id, "type": "BS", "creator": buyer, "buyer": buyer, "seller": seller,
                "shop": {"id": seller, "name": f"Shop {seller}"}, "buyer_info": {"name": f"Buyer {buyer}"},
                "buyer_last_message": last, "seller_last_message": last, "buyer_unseen_messages": 1,
                "seller_unseen_messages": position % 2, "created_at": begun(position), "updated_at": created_at,
                "__v": 0,
                **({"pinned_by_seller": START} if position % 1000 == 0 else {}),
            }
        )  # fmt: skip
    if batch:
        database.cz_messages.insert_many(batch, ordered=False)
    for start in range(0, len(documents), 1000):
        database.cz_rooms.insert_many(documents[start : start + 1000], ordered=False)


async def measure() -> None:
    """Ask, and print the middle of several times in milliseconds."""
    import msgspec
    from django.test import AsyncClient

    from identity import Role, issue_token

    client = AsyncClient()
    headers = {"Authorization": f"Bearer {issue_token(SELLER, Role.SELLER, 3600)}"}

    async def get(path: str, **query: Any) -> Any:
        answer = await client.get(f"/v1/conversations{path}", query_params=query, headers=headers)
        assert answer.status_code == 200, answer.content
        return msgspec.json.decode(answer.content)

    async def timed(what: str, path: str, times: int = 9, /, **query: Any) -> Any:
        taken = []
        for _ in range(times):
            begun = time.perf_counter()
            body = await get(path, **query)
            taken.append((time.perf_counter() - begun) * 1000)
        print(f"{what:46} {statistics.median(taken):8.1f} ms  (longest {max(taken):.1f})", flush=True)
        return body

    await timed("GET /rooms, all 5,000", "/rooms", 5)
    page = await timed("GET /rooms?limit=20", "/rooms", limit=20)
    await timed("GET /rooms?limit=20, page 2", "/rooms", limit=20, cursor=page["next_cursor"])
    await timed("GET /rooms?name=…", "/rooms", name="buyer 77")
    await timed("GET /rooms/unseen", "/rooms/unseen")
    await timed("GET /messages, page 1", "/messages", room_id=LONG_ROOM)
    cursor, last = None, {}
    for number in range(1, 1000):
        last = await get("/messages", room_id=LONG_ROOM, **({"cursor": cursor} if cursor else {}))
        cursor = last["next_cursor"]
        assert cursor, number
    await timed("GET /messages, page 1,000 by cursor", "/messages", room_id=LONG_ROOM, cursor=cursor)
    before = last["data"][-1]["created_at"]
    await timed("GET /messages, page 1,000 by from", "/messages", room_id=LONG_ROOM, **{"from": before})
    await timed("GET /messages?created_at=1, page 1", "/messages", room_id=LONG_ROOM, created_at=1)
    await timed("GET /messages/unseen", "/messages/unseen", room_id=LONG_ROOM)
    page = await timed("GET /search, a frequent text", "/search", 5, q="message 1")
    await timed("GET /search, a frequent text, page 2", "/search", 5, q="message 1", cursor=page["next_cursor"])
    await timed("GET /search, a text that is nowhere", "/search", 3, q="nowhere")
    await timed("GET /search, nowhere in a room of 20,000", "/search", 5, q="nowhere", room_id=LONG_ROOM)


def main(
    measure: Callable[[], Coroutine[Any, Any, None]] = measure,
    description: str | None = __doc__,
    begun: Callable[[int], datetime.datetime] = an_hour_apart,
) -> None:
    """Fill and measure."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--uri", help="a MongoDB to fill, instead of one of its own")
    arguments.add_argument("--directory", type=Path, help="keep its data here, and find it there the next time")
    options = arguments.parse_args()
    uri = options.uri
    from devstack.embedded import EmbeddedMongoDB, EmbeddedRedis

    with tempfile.TemporaryDirectory() as directory:
        mongodb, redis = EmbeddedMongoDB(options.directory or Path(directory)), EmbeddedRedis(Path(directory))
        os.environ.update(
            DJANGO_SETTINGS_MODULE="chozoi_chat.settings",
            DATA_DIR=directory,
            SECRET_KEY="a benchmark",
            MONGODB_URI=uri or mongodb.address,
            MONGODB_ENGINE="" if uri else "devstack.engine",
            REDIS_ADDRESS=redis.address,
            ALLOWED_HOSTS="testserver",
            API_RATE_USER="0",
            API_RATE_ADDRESS="0",
            API_RATE_SEARCHES="0",
        )
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        redis.start()
        if not uri:
            mongodb.start()
        try:
            call_command("migrate", verbosity=0)
            connection.ensure_connection()
            database: Any = connection.database  # type: ignore[attr-defined]
            if database.cz_rooms.estimated_document_count() < ROOMS:
                started = time.perf_counter()
                fill(database, begun)
                print(f"filled in {time.perf_counter() - started:.0f} s", flush=True)
            asyncio.run(measure())
        finally:
            mongodb.stop()
            redis.stop()


if __name__ == "__main__":
    main()
