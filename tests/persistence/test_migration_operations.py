"""Migrating databases that others indexed, that an earlier release did, or that a migration left half done."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect
from pytest_django import DjangoDbBlocker

from conversations.models import Message, Room
from persistence.engine import schema

Store = Database[dict[str, Any]]


@pytest.fixture
def unmigrated(migrated: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Store]:
    """A database that this app's migrations never saw, without rooms and messages; afterwards it is migrated."""
    with django_db_blocker.unblock():
        connection.ensure_connection()
        database: Store = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
        _begin(database)
        yield database
        _begin(database)
        call_command("migrate", verbosity=0)


def _begin(database: Store) -> None:
    call_command("migrate", "conversations", "zero", verbosity=0)
    database.drop_collection("cz_rooms")
    database.drop_collection("cz_messages")


def names(database: Store, collection: str) -> set[str]:
    return set(database[collection].index_information()) - {"_id_"}


def names_of(model: type[models.Model]) -> set[str]:
    return {each.name for each in (*model._meta.indexes, *model._meta.constraints)}


OF_ROOMS, OF_MESSAGES = names_of(Room), names_of(Message)


def test_an_index_with_the_same_keys_under_another_name_is_taken(
    unmigrated: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """As Mongoose names them: MongoDB refuses the same index under a second name (error 85)."""
    unmigrated.cz_rooms.create_index("buyer", name="buyer_1")
    with caplog.at_level("INFO"):
        call_command("migrate", verbosity=0)
    assert names(unmigrated, "cz_rooms") == OF_ROOMS - {"room_buyer"} | {"buyer_1"}
    assert "cz_rooms has an index buyer_1, which is taken for room_buyer" in caplog.text


def test_migrating_back_leaves_an_index_that_is_not_ours(unmigrated: Store) -> None:
    unmigrated.cz_rooms.create_index("buyer", name="buyer_1")
    call_command("migrate", verbosity=0)
    call_command("migrate", "conversations", "zero", verbosity=0)
    assert names(unmigrated, "cz_rooms") == {"buyer_1"}


def test_an_index_in_the_way_is_named_with_what_is_wanted(unmigrated: Store) -> None:
    unmigrated.cz_rooms.create_index("creator", name="room_buyer")
    with pytest.raises(CommandError, match=r"room_buyer .*creator.* is in its way") as refused:
        call_command("migrate", verbosity=0)
    assert """db.getCollection("cz_rooms").createIndex({"buyer": 1}, {"name": "room_buyer"})""" in str(refused.value)
    unmigrated.cz_rooms.drop_index("room_buyer")
    call_command("migrate", verbosity=0)
    assert names(unmigrated, "cz_rooms") == OF_ROOMS


@pytest.mark.parametrize("built", [0, 2, 4])
def test_a_migration_that_broke_off_goes_on(unmigrated: Store, monkeypatch: pytest.MonkeyPatch, built: int) -> None:
    real, left = Collection.create_indexes, [built]

    def breaking(collection: Any, *args: Any, **kwargs: Any) -> Any:
        if not left[0]:
            raise AutoReconnect("connection closed")
        left[0] -= 1
        return real(collection, *args, **kwargs)

    with monkeypatch.context() as context:
        context.setattr(Collection, "create_indexes", breaking)
        with pytest.raises((AutoReconnect, DatabaseError)):
            call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)
    assert (names(unmigrated, "cz_rooms"), names(unmigrated, "cz_messages")) == (OF_ROOMS, OF_MESSAGES)


def test_what_moderation_left_half_done_is_completed(unmigrated: Store) -> None:
    """A collection made, but not its indexes: `create` of it would fail."""
    call_command("migrate", "moderation", "zero", verbosity=0)
    unmigrated.create_collection("moderation_report")
    call_command("migrate", verbosity=0)
    assert {"report_once", "report_queue"} <= names(unmigrated, "moderation_report")


def test_unique_indexes_of_an_earlier_release_are_replaced_by_ones_that_serve(unmigrated: Store) -> None:
    call_command("migrate", verbosity=0)
    call_command("migrate", "moderation", "0003", verbosity=0)
    call_command("migrate", "conversations", "0003", verbosity=0)
    for collection, name, field in [
        ("cz_messages", "message_once", "dedup_key"),
        ("moderation_report", "report_once", "open_key"),
        ("moderation_heldmessage", "held_once", "dedup_key"),
    ]:
        if name in names(unmigrated, collection):
            unmigrated[collection].drop_index(name)
        unmigrated[collection].create_index(
            field, name=name, unique=True, partialFilterExpression={field: {"$type": "string"}}
        )
    unmigrated.cz_messages.insert_many(
        [{"_id": "1", "room_id": "7.9", "dedup_key": "a"}, {"_id": "2", "room_id": "7.9"}]
    )
    call_command("migrate", verbosity=0)
    assert names(unmigrated, "cz_messages") == OF_MESSAGES
    for collection, name, field in [
        ("moderation_report", "report_once", "open_key"),
        ("moderation_heldmessage", "held_once", "dedup_key"),
    ]:
        index = unmigrated[collection].index_information()[name]
        assert (index["unique"], index["partialFilterExpression"]) == (True, {field: {"$gte": ""}})


def test_a_unique_key_that_is_never_null_has_no_filter(unmigrated: Store) -> None:
    """Each login looks for a user by name."""
    call_command("migrate", verbosity=0)
    for collection in ("auth_user", "auth_group", "auth_permission", "django_content_type", "moderation_messagefilter"):
        unique = [each for each in unmigrated[collection].index_information().values() if each.get("unique")]
        assert unique
        assert [each for each in unique if "partialFilterExpression" in each] == []


def test_indexes_can_be_built_beforehand(
    unmigrated: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schema, "LARGE", 2)
    unmigrated.cz_rooms.insert_many([{"_id": "7.9"}, {"_id": "8.9"}])
    unmigrated.cz_messages.insert_one({"_id": "1"})
    printed = io.StringIO()
    call_command("print_indexes", stdout=printed)
    assert (
        """db.getCollection("cz_messages").createIndex({"room_id": 1, "dedup_key": 1}, """
        """{"name": "message_once_in_room", "unique": true, "partialFilterExpression": {"dedup_key": {"$gte": ""}}})"""
    ) in printed.getvalue().splitlines()
    assert (
        """"partialFilterExpression": {"changed_at": {"$gte": ISODate("1970-01-01T00:00:00.000Z")}}})"""
    ) in printed.getvalue()
    assert {name for name in OF_ROOMS | OF_MESSAGES if f'"{name}"' in printed.getvalue()} == OF_ROOMS | OF_MESSAGES
    call_command("migrate", verbosity=0)
    assert "index room_buyer is being built on the 2 documents of cz_rooms" in caplog.text
    assert "print_indexes" in caplog.text
    printed = io.StringIO()
    call_command("print_indexes", stdout=printed)
    assert printed.getvalue() == ""
