"""Django's ORM: joins load what they join, on the embedded MongoDB, too, and an index serves what it sorts."""

import datetime
from typing import Any

import pytest
from bson import DatetimeMS, decode, encode
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import F, Value
from django.test.utils import CaptureQueriesContext
from pymongo import ReadPreference

from conversations.models import Message, Room
from persistence.engine.base import DatabaseWrapper
from persistence.engine.compiler import side_by_side
from persistence.mongodb import DURABLE
from persistence.timestamps import stored_time

NOON = datetime.datetime(2026, 1, 1, 12)

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna() -> User:
    """Who reads rooms as all readers do, and messages by herself."""
    anna = User.objects.create_user("anna")
    readers, others = Group.objects.create(name="readers"), Group.objects.create(name="others")
    readers.permissions.add(Permission.objects.get(codename="view_room"))
    others.permissions.add(Permission.objects.get(codename="add_user"))
    anna.groups.add(readers)
    anna.user_permissions.add(Permission.objects.get(codename="view_message"))
    User.objects.create_user("bob").groups.add(others)
    return anna


def test_a_user_has_the_permissions_of_their_groups_and_their_own(anna: User) -> None:
    assert anna.get_group_permissions() == {"conversations.view_room"}
    assert anna.get_user_permissions() == {"conversations.view_message"}
    assert anna.get_all_permissions() == {"conversations.view_room", "conversations.view_message"}
    assert User.objects.create_user("cy").get_all_permissions() == set()


def test_what_a_user_may_is_asked_for_without_a_join_of_users_and_groups(anna: User) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert anna.has_perm("conversations.view_room")
    texts = [query["sql"] for query in captured.captured_queries]
    assert len(texts) <= 5
    assert [text for text in texts if "'from': 'auth_" in text] == []


def test_a_permission_is_found_by_a_users_groups(anna: User) -> None:
    assert [each.codename for each in Permission.objects.filter(group__in=anna.groups.all())] == ["view_room"]


def test_a_related_object_comes_with_its_own_fields() -> None:
    permission = Permission.objects.select_related("content_type").get(codename="view_room")
    assert (permission.content_type.app_label, permission.content_type.model) == ("conversations", "room")


def test_a_related_object_comes_whole_in_an_order_over_the_join() -> None:
    ordered = Permission.objects.select_related("content_type").order_by(
        "content_type__app_label", F("content_type__model").asc(nulls_last=True), "codename"
    )
    rows = [(each.content_type.app_label, each.content_type.model, each.codename) for each in ordered]
    assert rows == sorted(rows)
    assert len(rows) == Permission.objects.count()


def test_an_order_over_a_join_of_joins_keeps_what_is_joined() -> None:
    author = User.objects.create_user("anna")
    content_type = ContentType.objects.get_for_model(Room)
    for repr_ in ("b", "a"):
        LogEntry.objects.create(user=author, content_type=content_type, object_repr=repr_, action_flag=1)
    LogEntry.objects.create(user=author, object_repr="c", action_flag=1)
    entries = LogEntry.objects.select_related("user", "content_type").order_by("content_type__model", "object_repr")
    models = [(entry.content_type and entry.content_type.model, entry.object_repr) for entry in entries]
    assert models == [(None, "c"), ("room", "a"), ("room", "b")]
    assert {entry.user.get_username() for entry in entries} == {"anna"}
    assert list(entries.values_list("content_type__model", "user__username").distinct()) == [
        (None, "anna"), ("room", "anna"), ("room", "anna"),
    ]  # fmt: skip


def test_dates_beyond_the_calendar_and_broken_texts_load_as_none_and_mended() -> None:
    """A driver of another language writes both; what it wrote must not keep the rest of an answer back."""
    connection.ensure_connection()
    database: Any = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
    broken = encode({"at": DatetimeMS(8_640_000_000_000_000), "name": "XX"}).replace(b"XX", b"X\xff")
    loaded = decode(broken, database.codec_options)
    assert (stored_time(loaded["at"]), loaded["name"]) == (None, "X\ufffd")


def test_values_of_a_joined_collection_and_expressions_stand_side_by_side() -> None:
    wanted = Permission.objects.filter(codename="view_room").annotate(app=F("content_type__app_label"), one=Value(1))
    assert list(wanted.values_list("app", "content_type__model", "codename", "one")) == [
        ("conversations", "room", "view_room", 1)
    ]


def test_an_index_gives_rows_in_the_order_asked_for() -> None:
    for name in "cabd":
        Room.objects.create(room_id=name, buyer=name)
    first_two = Room.objects.filter(buyer__gte="a").order_by("buyer")[:2]
    assert [room.buyer for room in first_two] == ["a", "b"]
    plan = first_two.explain()
    assert "IXSCAN" in plan
    assert "$addFields" not in plan


def test_an_order_that_is_computed_is_kept() -> None:
    for name in "cabd":
        User.objects.create_user(name)
    assert [user.username for user in User.objects.order_by(F("username").desc(nulls_last=True))] == list("dcba")
    assert [user.username for user in User.objects.order_by(Value(1), "-username")] == list("dcba")


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


def test_all_is_read_from_the_primary_whatever_the_uri_prefers() -> None:
    """A rule that reads from a secondary, which may lag, lets a message into a room that was just blocked."""
    uri = f"{connection.settings_dict['HOST']}?readPreference=secondaryPreferred"
    lagging: Any = DatabaseWrapper({**connection.settings_dict, "HOST": uri}, alias="reads from secondaries")
    lagging.ensure_connection()
    try:
        assert lagging.connection.read_preference == ReadPreference.SECONDARY_PREFERRED
        assert lagging.database.read_preference == ReadPreference.PRIMARY
        assert lagging.get_collection("cz_rooms").read_preference == ReadPreference.PRIMARY
        assert lagging.database.get_collection("cz_rooms", write_concern=DURABLE).read_preference == (
            ReadPreference.PRIMARY
        )
    finally:
        lagging.close_pool()
