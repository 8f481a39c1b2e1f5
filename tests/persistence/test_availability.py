"""An outage is told from a defect, and is in the log once as the store goes and once as it comes back."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError
from pymongo import errors
from pymongo.database import Database

from conversations.models import Room
from conversations.storage import writer
from conversations.storage.writer import message_writer
from persistence import mongodb as store
from persistence.availability import Availability, StoreUnavailable, is_outage
from persistence.configuration import StoreSettings
from persistence.mongodb import in_store_thread
from tests.conversations.conftest import Emitted
from tests.conversations.drafting import Outage, draft
from tests.eventually import eventually

Store = Database[dict[str, Any]]


def wrapped(cause: Exception, kind: type[DatabaseError] = DatabaseError) -> DatabaseError:
    """As Django raises it."""
    error = kind()
    error.__cause__ = cause
    return error


def bulk(code: int | None, *, unacknowledged: bool = False) -> errors.BulkWriteError:
    refusals = [] if code is None else [{"index": 0, "code": code, "errmsg": "no"}]
    return errors.BulkWriteError(
        {"writeErrors": refusals, "writeConcernErrors": [{"code": 64, "errmsg": "late"}] if unacknowledged else []}
    )


@pytest.mark.parametrize(
    "error",
    [
        errors.AutoReconnect("connection closed"),
        errors.ServerSelectionTimeoutError("no primary"),
        errors.NetworkTimeout("timed out"),
        errors.NotPrimaryError("not primary"),
        errors.WaitQueueTimeoutError("no connection free"),
        errors.ExecutionTimeout("operation exceeded time limit", 50),
        errors.WTimeoutError("waiting for replication timed out", 64),
        errors.OperationFailure("not primary", 10107),
        errors.OperationFailure("shutdown in progress", 91),
        errors.OperationFailure("write conflict", 112, {"errorLabels": ["TransientTransactionError"]}),
        bulk(10107),
        bulk(None, unacknowledged=True),
        wrapped(errors.AutoReconnect("connection closed")),
    ],
    ids=repr,
)
def test_what_passes_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.OperationFailure("not authorized", 13),
        errors.OperationFailure("Authentication failed", 18),
        errors.OperationFailure("unknown operator", 2),
        errors.DuplicateKeyError("E11000", 11000),
        errors.InvalidOperation("the client is closed"),
        bulk(121),
        bulk(11000, unacknowledged=True),
        wrapped(errors.DuplicateKeyError("E11000", 11000), IntegrityError),
        DatabaseError("made up"),
        TypeError("a defect"),
    ],
    ids=repr,
)
def test_what_would_fail_again_is_a_defect(error: Exception) -> None:
    assert not is_outage(error)


def raising(error: Exception) -> Callable[[], None]:
    def operation() -> None:
        raise error

    return operation


def gone(*arguments: Any, **options: Any) -> None:
    raise errors.AutoReconnect("connection closed")


async def test_away_and_back_are_logged_once_each_with_the_cause(
    database: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away_now:
        away_now.setattr(Database, "command", gone)  # or its answer to a ping would say that it is back
        for _ in range(5):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await in_store_thread(raising(errors.AutoReconnect("connection closed")))
    for _ in range(5):
        await in_store_thread(lambda: store.durable(Room).find_one({}))
    [away, back] = [record for record in caplog.records if "The message store" in record.message]
    assert away.levelno == logging.ERROR
    assert away.message == "The message store is away: AutoReconnect: connection closed"
    assert back.message.startswith("The message store is back after")


async def test_an_outage_that_the_writer_makes_good_is_logged_too(
    database: Store, chat: Emitted, room: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.05)
    end = Outage(monkeypatch).of("insert_many")
    for number in range(3):
        with pytest.raises(StoreUnavailable):
            await message_writer().write(draft(f"hello {number}"))
    end()
    await message_writer().write(draft("hello"))
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    away = [text for text in said if "is away" in text]
    assert away and away[0] == "The message store is away: AutoReconnect: connection closed"
    assert len([text for text in said if "is back" in text]) == len(away), "each end of an outage is a line"


async def test_a_defect_is_raised_as_it_is(database: Store) -> None:
    with pytest.raises(errors.OperationFailure, match="not authorized"):
        await in_store_thread(raising(errors.OperationFailure("not authorized", 13)))
    with pytest.raises(IntegrityError):
        await in_store_thread(raising(wrapped(errors.DuplicateKeyError("E11000", 11000), IntegrityError)))


def test_one_slow_visit_among_others_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    availability = Availability(lambda: now[0])

    def slow() -> None:
        with availability.operation():
            now[0] = 8.0
            availability.answered()  # as the operation of another thread is
            raise errors.ExecutionTimeout("operation exceeded time limit", 50)

    with pytest.raises(errors.ExecutionTimeout):
        slow()
    assert availability.away_for() is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_who_was_too_slow_in_an_outage_that_is_over_adds_no_line_to_it(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    availability = Availability(lambda: now[0])

    def fails(begins: Callable[[], None]) -> None:
        with suppress(errors.AutoReconnect), availability.operation():
            begins()
            raise errors.AutoReconnect("connection closed")

    def an_outage_passes() -> None:
        thread = threading.Thread(target=fails, args=[lambda: now.append(now.pop() + 5)])
        thread.start()
        thread.join()
        now[0] += 1
        availability.answered()

    fails(an_outage_passes)
    levels = [record.levelno for record in caplog.records]
    assert levels == [logging.ERROR, logging.WARNING, logging.INFO]
    assert availability.away_for() is None


class Held:
    """Operations that last until they are let go, as those that wait for a MongoDB."""

    def __init__(self) -> None:
        self._over = threading.Event()

    def begin(self) -> asyncio.Future[bool]:
        return asyncio.ensure_future(in_store_thread(self._over.wait, 10.0))

    def let_go(self) -> None:
        self._over.set()


async def test_a_store_that_does_not_answer_is_away_before_any_operation_gives_up(
    database: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "NOTICED", 0.1)
    held = Held()
    with monkeypatch.context() as away_now:
        away_now.setattr(Database, "command", gone)
        waiting = [held.begin() for _ in range(3)]
        await eventually(lambda: caplog.messages == ["The message store is away: AutoReconnect: connection closed"])
        await asyncio.sleep(0.3)
    held.let_go()
    await asyncio.gather(*waiting)
    assert len(caplog.messages) == 2 and caplog.messages[1].startswith("The message store is back after 0.")


async def test_an_operation_that_takes_long_is_no_outage_while_the_store_answers(
    database: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "NOTICED", 0.1)
    asked: list[Any] = []
    command = Database.command

    def answer(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments[1])
        return command(*arguments, **options)

    monkeypatch.setattr(Database, "command", answer)
    held = Held()
    waiting = held.begin()
    await eventually(lambda: asked == ["ping"])
    await asyncio.sleep(0.1)
    held.let_go()
    await waiting
    assert caplog.messages == []


async def test_what_passes_within_a_second_is_not_even_asked_about(
    database: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Database, "command", gone)
    brief, longer = Held(), Held()
    waiting = brief.begin()
    await asyncio.sleep(0.1)
    brief.let_go()
    await waiting
    assert caplog.messages == []
    monkeypatch.setattr(store, "NOTICED", 0.0)
    waiting = longer.begin()
    await eventually(lambda: caplog.messages, "it would have been seen")
    longer.let_go()
    await waiting


def test_an_outage_lasts_since_the_visit_began_that_found_it() -> None:
    now = [100.0]
    availability = Availability(lambda: now[0])

    def in_vain() -> None:
        with availability.operation():
            now[0] = 120.0
            raise errors.AutoReconnect("connection closed")

    with pytest.raises(errors.AutoReconnect):
        in_vain()
    assert availability.away_for() == 20.0
    with availability.operation():
        pass
    assert availability.away_for() is None


def test_the_store_is_waited_for_longer_than_an_election_takes() -> None:
    assert store.TIMEOUT == StoreSettings.current().MONGODB_PATIENCE > 12


async def test_a_store_that_has_long_been_away_is_not_waited_for_as_long(
    database: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each who asks gets an answer soon, not after all who asked before have waited in vain."""
    away = Availability()
    monkeypatch.setattr(store, "AVAILABILITY", away)
    monkeypatch.setattr(store, "TIMEOUT", 0.3)
    away.failed(errors.AutoReconnect("connection closed"))
    monkeypatch.setattr(Database, "command", gone)
    answers = await asyncio.gather(*(in_store_thread(lambda: None) for _ in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
