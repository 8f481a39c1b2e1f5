"""Lists of a user with thousands of rooms: the same rooms in the same order, and few are read for a page of them."""

from __future__ import annotations

import datetime
import random
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pymongo.database import Database

from conversations import services
from conversations.services import RoomQuery
from conversations.services.cursors import RoomPosition
from conversations.services.long_lists import rooms_of_page
from identity import Role
from persistence.mongodb import in_store_thread
from persistence.timestamps import to_milliseconds
from tests.conversations.commands import ASKED
from tests.conversations.conftest import person
from tests.conversations.oddities import VALUES

Store = Database[dict[str, Any]]
MANY, FEW, A_PAGE = 5_000, 20, 20
SIDES = [("seller", "buyer", Role.SELLER), ("buyer", "seller", Role.BUYER)]


def room(own: str, other: str, number: int, user: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"_id": f"{number:04}.{user}", own: user, other: str(number), **fields}


def last(own: str, at: datetime.datetime | None) -> dict[str, Any]:
    return {f"{own}_last_message": {"_id": "m", "created_at": at}} if at else {}


def odd_and_even(own: str, other: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Rooms with and without a pin and a last message, deleted ones, many that sort alike, and odd values of all."""
    now = datetime.datetime.now(datetime.UTC)
    times = [None, *(now - datetime.timedelta(hours=hours) for hours in (1, 2, 3, 30, 40, 900, 1000, 20_000))]
    for number in range(400):
        fields: dict[str, Any] = {**last(own, chance.choice(times))}
        if chance.random() < 0.05:
            fields[f"pinned_by_{own}"] = chance.choice(times)
        if chance.random() < 0.1:
            fields |= {f"deleted_by_{own}": True, f"{own}_deleted_at": chance.choice(times)}
        yield room(own, other, number, "9", fields)
    names = (f"pinned_by_{own}", f"{own}_last_message", f"{own}_last_message.created_at")
    for number, (name, value) in enumerate(((name, value) for name in names for value in VALUES.values()), 1000):
        odd = {name: value}
        if name.endswith("created_at"):
            odd = {f"{own}_last_message": {"_id": "m", "created_at": value}}
        yield room(own, other, number, "9", {**last(own, times[number % 9]), **odd})


@pytest.mark.parametrize(("own", "other", "side"), SIDES, ids=["seller", "buyer"])
@pytest.mark.parametrize("limit", [7, 60])
async def test_the_pages_of_a_long_list_are_the_whole_list_in_its_order(
    database: Store, own: str, other: str, side: Role, limit: int
) -> None:
    database.cz_rooms.insert_many(odd_and_even(own, other, random.Random(limit)))
    whole = [each.id for each in (await services.list_rooms(person("9", side), side, RoomQuery())).rooms]
    paged: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await services.list_rooms(person("9", side), side, RoomQuery(limit=limit, cursor=cursor or None))
        paged += [each.id for each in page.rooms]
        cursor = page.next_cursor
    assert paged == whole
    pinned = await services.list_rooms(person("9", side), side, RoomQuery(limit=limit, pinned_only=True))
    everything = await services.list_rooms(person("9", side), side, RoomQuery(pinned_only=True))
    assert [each.id for each in pinned.rooms] == [each.id for each in everything.rooms][:limit]


@pytest.mark.parametrize(("first", "moves"), [(0, 29), (10, 10)], ids=["up from below", "up and away"])
async def test_a_room_that_moves_while_a_page_is_read_takes_no_place_of_another(
    database: Store, first: int, moves: int
) -> None:
    """The rooms of a first part are passed over, as deleted ones are, so that a second one is read."""
    own, other, side = SIDES[0]
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    times = [now - datetime.timedelta(minutes=number) for number in range(30)]
    database.cz_rooms.insert_many(room(own, other, number, "9", last(own, at)) for number, at in enumerate(times))
    part, seen = 5, list[int]()

    def counts(each: dict[str, Any]) -> bool:
        seen.append(int(each["_id"][:4]))
        if len(seen) == part:
            moved = last(own, now + datetime.timedelta(minutes=1))
            database.cz_rooms.update_one({"_id": f"{moves:04}.9"}, {"$set": moved})
        return seen[-1] >= first + part - 1

    end = RoomPosition(side=side, pinned=None, last=to_milliseconds(times[first]), room_id="")
    fields = [f"{own}_last_message.created_at"]
    page = partial(rooms_of_page, "9", side, fields, wanted=part, is_wanted=counts)
    since, after = (to_milliseconds(now), end) if first else (None, None)
    assert await in_store_thread(partial(page, moved_since=since, after=after)) is not None
    assert len(seen) == len(set(seen))
    stay = sorted(number for number in seen if number != moves)
    assert stay == list(range(stay[0], stay[-1] + 1))


def examined(database: Store, commands: list[dict[str, Any]]) -> int:
    """Documents that the store reads for these finds."""
    shape = ("find", "filter", "projection", "sort", "skip", "limit")
    total = 0
    for command in commands:
        explained = database.command(
            {"explain": {name: command[name] for name in shape if name in command}, "verbosity": "executionStats"}
        )
        total += explained["executionStats"]["totalDocsExamined"]
    return total


async def test_a_page_costs_a_seller_of_thousands_of_rooms_at_most_three_times_what_it_costs_one_of_twenty(
    database: Store,
) -> None:
    own, other, side = SIDES[0]
    now = datetime.datetime.now(datetime.UTC)
    for user, count in (("9", MANY), ("8", FEW)):
        database.cz_rooms.insert_many(
            room(
                own,
                other,
                number,
                user,
                {
                    **last(own, now - datetime.timedelta(minutes=40 * number)),
                    f"pinned_by_{own}": now if number in (3, 700) else None,
                },
            )
            for number in range(count)
        )
    costs: dict[str, list[int]] = {}

    async def cost(user: str, what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        with ASKED.recording() as commands:
            answer = await ask()
        costs.setdefault(what, []).append(examined(database, commands))
        return answer

    for user in ("8", "9"):
        actor = person(user, side)
        page = await cost(user, "page", lambda: services.list_rooms(actor, side, RoomQuery(limit=A_PAGE)))  # noqa: B023
        assert len(page.rooms) == A_PAGE
        pinned = await cost(
            user,
            "pinned",
            lambda: services.list_rooms(actor, side, RoomQuery(limit=A_PAGE, pinned_only=True)),  # noqa: B023
        )
        assert len(pinned.rooms) == (1 if user == "8" else 2)
    second = RoomQuery(limit=A_PAGE, cursor=page.next_cursor)
    costs["second page"] = [costs["page"][0]]
    assert len((await cost("9", "second page", lambda: services.list_rooms(actor, side, second))).rooms) == A_PAGE
    assert {what for what, (few, many) in costs.items() if not 0 < many <= 3 * few} == set(), costs
