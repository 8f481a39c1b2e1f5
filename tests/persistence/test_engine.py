"""Django's ORM: joins load what they join, an index serves what it sorts, and MongoDB gets the backend's own forms."""

import datetime
from typing import Any

import pytest
from bson import DatetimeMS, decode, encode
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import F, QuerySet, Value
from django.test.utils import CaptureQueriesContext
from django_mongodb_backend import base as backend
from pymongo import ReadPreference

from conversations.models import Message, Room
from persistence.engine.base import DatabaseWrapper
from persistence.mongodb import DURABLE
from persistence.timestamps import stored_time

NOON = datetime.datetime(2026, 1, 1, 12)

pytestmark = pytest.mark.django_db


def test_acknowledged_means_journaled_by_a_majority() -> None:
    options = connection.get_connection_params()
    assert (options["w"], options["journal"]) == ("majority", True)


@pytest.mark.parametrize(("query", "given"), [("", 20_000), ("?serverSelectionTimeoutMS=30000", None)])
def test_the_uri_decides_how_long_a_server_is_looked_for(query: str, given: int | None) -> None:
    wrapper = DatabaseWrapper({**connection.settings_dict, "HOST": f"mongodb://db/chat{query}"})
    assert wrapper.get_connection_params().get("serverSelectionTimeoutMS") == given


def test_the_options_of_the_settings_come_first() -> None:
    wrapper = DatabaseWrapper({**connection.settings_dict, "OPTIONS": {"serverSelectionTimeoutMS": 5}})
    assert wrapper.get_connection_params()["serverSelectionTimeoutMS"] == 5


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


def pipeline_of(queryset: QuerySet[Any], wrapper: type[Any]) -> list[dict[str, Any]]:
    """What a query becomes, compiled by an engine that is not connected."""
    compiler = queryset.query.get_compiler(connection=wrapper(connection.settings_dict, alias="default"))
    compiler.pre_sql_setup()
    query = compiler.build_query()
    stages: list[dict[str, Any]] = query.get_pipeline()
    return stages


@pytest.mark.parametrize(
    "queryset",
    [
        Room.objects.filter(buyer__gte="a").filter(buyer__lt="c"),
        Room.objects.filter(buyer="7", created_at__isnull=True),
        Message.objects.filter(room_id="7.9", created_at__lte=NOON.replace(tzinfo=datetime.UTC)),
        Message.objects.filter(pk__in=[str(number) for number in range(500)]),
        Permission.objects.select_related("content_type").filter(content_type__app_label="conversations"),
    ],
    ids=["range", "null", "end that is included", "many keys", "join"],
)
def test_mongodb_gets_the_form_that_the_backend_compiles(queryset: QuerySet[Any]) -> None:
    unordered = queryset.order_by()
    assert pipeline_of(unordered, DatabaseWrapper) == pipeline_of(unordered, backend.DatabaseWrapper)


def test_an_order_differs_from_the_backends_form_only_by_fields_set_to_themselves() -> None:
    ordered = Permission.objects.select_related("content_type").order_by("content_type__app_label", "codename")
    ours, theirs = (pipeline_of(ordered, wrapper) for wrapper in (DatabaseWrapper, backend.DatabaseWrapper))
    left_out = [stage for stage in theirs if stage not in ours]
    assert left_out == [
        {
            "$addFields": {
                "django_content_type": {"app_label": "$django_content_type.app_label"},
                "codename": "$codename",
            }
        }
    ]
    assert ours == [stage for stage in theirs if stage not in left_out]


def test_mongodb_is_asked_for_a_range_of_time_in_one_and_never_where_it_ends() -> None:
    operations: Any = DatabaseWrapper(connection.settings_dict, alias="default").ops
    after, before = NOON.replace(tzinfo=datetime.UTC), datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
    for oldest_first in (True, False):
        ranges = list(operations.time_ranges(after, before, oldest_first=oldest_first, about=pytest.fail))
        assert ranges == [{"$gt": after, "$lt": before}]
    assert len(list(operations.time_ranges(None, None, oldest_first=True, about=pytest.fail))) == 1
    assert operations.max_in_list_size() is None
