"""Keyset pagination: the order of rows, the ranges that read it from either end, and cursors."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from msgspec import Struct

from persistence.keyset import Place, Stretch, from_cursor, to_cursor
from persistence.timestamps import UTC

NOON = datetime.datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = datetime.timedelta(hours=1)


class Position(Struct, frozen=True, array_like=True, tag="position"):
    """What a cursor of these tests holds."""

    number: int
    text: str


class Other(Struct, frozen=True, array_like=True, tag="other"):
    """What it does not hold."""

    number: int
    text: str


def test_rows_without_a_time_stand_before_all_others_and_the_id_decides_between_equals() -> None:
    rows: list[dict[str, Any]] = [
        {"_id": "a", "at": NOON + HOUR},
        {"_id": "c", "at": NOON},
        {"_id": "b", "at": NOON},
        {"_id": "z", "at": "no time"},
        {"_id": "y"},
    ]
    places = sorted((Place.of(row, "at") for row in rows), key=lambda place: place.sort_key)
    assert [place.id for place in places] == ["y", "z", "b", "c", "a"]
    assert places[0].at is None


def test_from_the_beginning_rows_without_a_time_are_read_first_and_from_the_end_last() -> None:
    beginning = list(Stretch("at", oldest_first=True).conditions(None))
    end = list(Stretch("at", oldest_first=False).conditions(None))
    assert beginning[0] == {"at": None}
    assert end == [*beginning[1:], {"at": None}]


def test_what_follows_a_place_is_first_the_rest_of_its_instant() -> None:
    first, following, *_ = Stretch("at", oldest_first=True).conditions(Place(NOON, "b"))
    assert first == {"at": NOON, "_id": {"$gt": "b"}}
    assert following["at"]["$gt"] == NOON
    first, *_, undated = Stretch("at", oldest_first=False).conditions(Place(NOON, "b"))
    assert first == {"at": NOON, "_id": {"$lt": "b"}}
    assert undated == {"at": None}


def test_what_follows_a_row_without_a_time() -> None:
    assert list(Stretch("at", oldest_first=False).conditions(Place(None, "b"))) == [{"at": None, "_id": {"$lt": "b"}}]
    first, *dated = Stretch("at", oldest_first=True).conditions(Place(None, "b"))
    assert first == {"at": None, "_id": {"$gt": "b"}}
    assert len(dated) == 1


def test_an_interval_of_time_holds_no_row_without_one_and_no_place_outside_it() -> None:
    interval = Stretch("at", oldest_first=True, after=NOON, before=NOON + 2 * HOUR)
    assert list(interval.conditions(None)) == [{"at": {"$gt": NOON, "$lt": NOON + 2 * HOUR}}]
    assert list(interval.conditions(Place(NOON - HOUR, "b"))) == list(interval.conditions(None))
    assert list(interval.conditions(Place(NOON + HOUR, "b"))) == [
        {"at": NOON + HOUR, "_id": {"$gt": "b"}},
        {"at": {"$gt": NOON + HOUR, "$lt": NOON + 2 * HOUR}},
    ]


def test_a_cursor_gives_back_its_position() -> None:
    position = Position(7, "phòng~7.9")
    cursor = to_cursor(position)
    assert from_cursor(cursor, Position) == position
    assert "=" not in cursor


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        to_cursor(Other(7, "a")),
        to_cursor(Position(7, "a")) + "=",
        base64.urlsafe_b64encode(b'[ "position", 7, "a"]').decode().rstrip("="),
        base64.urlsafe_b64encode(b"[" * 4000).decode(),
        to_cursor(Position(7, "a" * 6000)),
    ],
    ids=["empty", "no base64", "no ASCII", "another list's", "padded", "with a space", "nested", "too long"],
)
def test_what_was_not_written_as_a_cursor_of_that_kind_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match=r"cursor|position|written|ASCII"):
        from_cursor(cursor, Position)
