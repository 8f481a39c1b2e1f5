"""Catching up with collections of any size: by indexes, in batches, each of which is done for good, the lease kept."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
from pymongo.database import Database

from event_relay import position
from event_relay.catch_up import batches_since, stages
from event_relay.change_stream import watched_database
from event_relay.position import CatchingUp, Lease, LeaseLost, Position
from event_relay.sources import SOURCES, Source
from tests.conversations.conftest import database as own_database  # noqa: F401
from tests.conversations.conftest import migrated  # noqa: F401
from tests.event_relay.chat import Chat
from tests.event_relay.conftest import NewRelay
from tests.event_relay.reading import Read
from tests.eventually import eventually_sync

LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
Store = Database[dict[str, Any]]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.collection)
def test_an_index_answers_each_batch(own_database: Store, source: Source) -> None:  # noqa: F811
    pipeline = stages(source, ["7.9", "8.9"], LONG_AGO)
    plan = own_database.command(
        "explain", {"aggregate": source.collection, "pipeline": pipeline, "cursor": {}}, verbosity="queryPlanner"
    )
    assert "IXSCAN" in str(plan) or "EXPRESS" in str(plan) or "IDHACK" in str(plan)
    assert "COLLSCAN" not in str(plan)


def test_it_goes_on_after_the_last_batch(own_database: Store) -> None:  # noqa: F811
    keys = [f"{number:03}.9" for number in range(60)]
    own_database.cz_rooms.insert_many([{"_id": key, "created_at": datetime.datetime(2026, 1, 1)} for key in keys])
    batches = list(batches_since(watched_database(), SOURCES, LONG_AGO, None))
    assert [event.room_id for batch in batches for event in batch.events] == keys
    assert len(batches) > 3
    for number, batch in enumerate(batches):
        rest = list(batches_since(watched_database(), SOURCES, LONG_AGO, batch.until))
        if batch.until:
            assert rest == batches[number + 1 :]


def is_lost(lease: Lease) -> bool:
    try:
        lease.require()
    except LeaseLost:
        return True
    return False


class TestLease:
    @pytest.fixture(autouse=True)
    def short(self, own_database: Store, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
        monkeypatch.setattr(position, "TERM", 1.0)
        monkeypatch.setattr(position, "RENEWAL", 0.1)
        monkeypatch.setattr(position, "TERM_FROM_NOW", {"$add": ["$$NOW", 1000]})

    def test_it_is_kept_while_one_step_of_the_work_takes_longer_than_it_holds(self) -> None:
        mine, other = Lease("kept", "me"), Lease("kept", "another")
        assert mine.take() is not None
        with mine.renewing():
            time.sleep(2.0)
            assert other.take() is None
            mine.require()
        mine.release()
        assert other.take() is not None

    def test_who_lost_it_is_told(self, own_database: Store) -> None:  # noqa: F811
        mine = Lease("lost", "me")
        mine.take()
        with mine.renewing():
            own_database.event_relay_positions.update_one({"_id": "lost"}, {"$set": {"holder": "another"}})
            eventually_sync(lambda: is_lost(mine))

    def test_what_is_left_to_catch_up_with_is_part_of_the_position(self) -> None:
        mine = Lease("catching up", "me")
        mine.take()
        for task in (CatchingUp(LONG_AGO, "7.9"), CatchingUp(LONG_AGO), None):
            mine.renew(Position({"_data": "1"}, LONG_AGO, task))
            taken = mine.take()
            assert taken is not None and taken.catching_up == task


@pytest.mark.slow
def test_a_relay_goes_on_with_what_another_had_begun(
    new_relay: NewRelay, database: Store, read: Read, topic: str
) -> None:
    relay = new_relay()
    relay.start_ready()
    relay.stop()
    done, left = sorted((Chat(database), Chat(database)), key=lambda chat: chat.id)
    done.create()
    left.create()
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    with database.watch() as stream:
        token = stream.resume_token
    database.event_relay_positions.update_one(
        {"_id": topic}, {"$set": {"resume_token": token, "catching_up": {"since": began, "after": done.id}}}
    )
    relay.start_ready()
    read.until(lambda _: read.types(left.id) == ["room.created"], "the room that was left")
    assert read.types(done.id) == []
    position = database.event_relay_positions.find_one({"_id": topic}) or {}
    assert position["catching_up"] is None
