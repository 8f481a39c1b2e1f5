"""The engine of the embedded MongoDB: queries in forms for which it finds an index, and that it reads in pieces."""

import datetime
from typing import Any

import pytest
from django.db import connection, connections

from conversations.models import Message, Room
from devstack.engine.base import DatabaseWrapper
from devstack.engine.conditions import side_by_side

NOON = datetime.datetime(2026, 1, 1, 12)
DAY = datetime.timedelta(days=1)

pytestmark = pytest.mark.django_db


def test_the_tests_run_on_it() -> None:
    assert isinstance(connections["default"], DatabaseWrapper)


@pytest.mark.parametrize(
    ("given", "flat"),
    [
        ({"a": 1}, {"a": 1}),
        ({"$and": [{"a": 1}, {"$and": [{"b": 2}, {"c": {"$gt": 3}}]}]}, {"a": 1, "b": 2, "c": {"$gt": 3}}),
        ({"$and": [{"a": {"$gte": 1}}, {"a": {"$lt": 5}}]}, {"a": {"$gte": 1, "$lt": 5}}),
        ({"$and": [{"a": {"$gte": 1}}, {"a": {"$gte": 5}}]}, {"a": {"$gte": 5}}),
        ({"$and": [{"a": {"$exists": True}}, {"a": {"$lt": 5}}, {"a": {"$ne": None}}]}, {"a": {"$lt": 5}}),
        ({"$and": [{"a": {"$exists": True}}, {"a": {"$ne": None}}]}, {"a": {"$exists": True, "$ne": None}}),
        ({"$and": [{"a": {"$lt": 5}}, {"a": {"$ne": 3}}]}, {"a": {"$lt": 5, "$ne": 3}}),
        ({"$and": [{"a": {"$lt": 1}}, {"a": {"$lt": "x"}}]}, {"a": {"$lt": 1}, "$and": [{"a": {"$lt": "x"}}]}),
        ({"a": {"$lte": NOON, "$gte": 1}}, {"a": {"$lt": NOON + datetime.timedelta(milliseconds=1), "$gte": 1}}),
        ({"$and": [{"a": 1}, {"a": 2}, {"b": 3}]}, {"a": 1, "b": 3, "$and": [{"a": 2}]}),
        ({"$or": [{"a": {"$exists": False}}, {"a": None}], "b": 1}, {"a": None, "b": 1}),
        ({"$or": [{"a": {"$exists": False}}, {"b": None}]}, {"$or": [{"a": {"$exists": False}}, {"b": None}]}),
        ({"$or": [{"$and": [{"a": 1}, {"b": 2}]}]}, {"$or": [{"$and": [{"a": 1}, {"b": 2}]}]}),
        ({"$and": [{"$or": [{"a": 1}]}, {"$or": [{"b": 2}]}]}, {"$or": [{"a": 1}], "$and": [{"$or": [{"b": 2}]}]}),
    ],
)
def test_conditions_stand_side_by_side_where_they_can(given: dict[str, Any], flat: dict[str, Any]) -> None:
    assert side_by_side(given) == flat


def test_chained_filters_find_their_index() -> None:
    plan = Room.objects.filter(buyer__gte="a").filter(buyer__lt="c").explain()
    assert "IXSCAN" in plan


def test_what_is_missing_or_null_is_found_by_its_index() -> None:
    Message.objects.create(message_id="1", room_id="7.9")
    Message.objects.create(message_id="2", room_id="7.9", created_at=NOON.replace(tzinfo=datetime.UTC))
    database: Any = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
    database[Message._meta.db_table].insert_one({"_id": "3", "room_id": "7.9"})
    undated = Message.objects.filter(room_id="7.9", created_at__isnull=True)
    assert set(undated.values_list("pk", flat=True)) == {"1", "3"}
    assert "IXSCAN" in undated.explain()


def test_an_end_that_is_included_is() -> None:
    """Although the index goes on after the field."""
    for minute in range(3):
        at = NOON.replace(tzinfo=datetime.UTC) + datetime.timedelta(minutes=minute, microseconds=500)
        Message.objects.create(message_id=str(minute), room_id="7.9", created_at=at)
    until = NOON.replace(tzinfo=datetime.UTC) + datetime.timedelta(minutes=1, microseconds=400)
    assert set(Message.objects.filter(room_id="7.9", created_at__lte=until).values_list("pk", flat=True)) == {"0", "1"}


def test_a_range_of_time_is_read_a_day_then_a_month_then_the_rest() -> None:
    start, end = NOON.replace(tzinfo=datetime.UTC), NOON.replace(tzinfo=datetime.UTC) + 90 * DAY
    operations: Any = connection.ops
    assert list(operations.time_ranges(start, end, oldest_first=True)) == [
        {"$gt": start, "$lt": start + DAY},
        {"$gte": start + DAY, "$lt": start + 30 * DAY},
        {"$gte": start + 30 * DAY, "$lt": end},
    ]
    assert list(operations.time_ranges(start, None, oldest_first=False, about=lambda: end)) == [
        {"$gte": end - DAY},
        {"$gte": end - 30 * DAY, "$lt": end - DAY},
        {"$gt": start, "$lt": end - 30 * DAY},
    ]
    assert list(operations.time_ranges(start, start + DAY, oldest_first=False)) == [{"$gt": start, "$lt": start + DAY}]


def test_keys_are_asked_for_a_few_at_a_time() -> None:
    assert connection.ops.max_in_list_size() == 25
