"""The way to MongoDB from asynchronous code: a few threads of our own, durable writes, documents from models.

The threads share one MongoClient: django-mongodb-backend keeps it by database alias for the whole process, each thread
has only a light DatabaseWrapper of its own. Nothing here knows rules or events.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from collections.abc import Collection as SizedCollection
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import pymongo
from django.conf import settings
from django.db import DatabaseError, connection, models
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from persistence.availability import AVAILABILITY, StoreUnavailable, cause_of, is_outage

Document = dict[str, Any]
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

THREADS = 4
TIMEOUT = float(settings.MONGODB_PATIENCE)
"""Seconds that one visit to the store may take, with the driver's own retries within: longer than an election."""

TIMEOUT_WHILE_AWAY = 2.0
"""Seconds that a visit waits for a store that has been away for TIMEOUT seconds already."""

KEYS_AT_ONCE = 1_000
"""Keys of one `$in`, where the engine names no smaller number."""

DURABLE = WriteConcern(w="majority", j=True)
STORE_ERRORS = (PyMongoError, DatabaseError)

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")
_in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)
_first_connection = threading.Lock()


async def in_store_thread(
    function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Answer:
    """Run blocking database work in one of the store's threads, for at most TIMEOUT seconds of waiting for MongoDB.

    Raises: StoreUnavailable for an outage. What `function` raises otherwise, errors of MongoDB among it.
    """
    asked_at = time.monotonic()

    def work() -> Answer:
        _wait_while_away(asked_at)
        with pymongo.timeout(TIMEOUT), AVAILABILITY.visit():
            _connect()
            return function(*args, **kwargs)

    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    except STORE_ERRORS as error:
        if not is_outage(error):
            raise
        raise _unavailable(error) from error


def _wait_while_away(asked_at: float) -> None:
    """See whether a MongoDB that was away is back. StoreUnavailable: it is not.

    All wait until TIMEOUT seconds after it went away, which is longer than an election. Those who come later wait
    much shorter. The wait for a thread counts, too: each caller finds out by itself, and all of them would queue up.
    """
    away_for = AVAILABILITY.away_for()
    if away_for is None:
        return
    patience = max(TIMEOUT - away_for, min(TIMEOUT_WHILE_AWAY, TIMEOUT))
    if time.monotonic() - asked_at > patience:
        raise _unavailable(TimeoutError())
    with pymongo.timeout(patience), AVAILABILITY.visit():
        _connect()
        connection.connection.admin.command("ping")


def atomically(work: Callable[[], Answer]) -> Answer:
    """Do several reads and writes as one transaction, for the store's threads. What `work` raises undoes its writes.

    A standalone MongoDB has no transactions: its writes stand one by one, in their order, also when a later one fails.

    Args:
        work: The reads and writes. It begins anew where somebody else has just written the same documents.
    Returns: What `work` returns.
    """
    if _in_transaction.get() or not has_transactions():
        return work()
    client: pymongo.MongoClient[Document] = connection.database.client  # type: ignore[attr-defined]  # the backend's own
    with client.start_session() as session, session.bind(end_session=False):
        token = _in_transaction.set(True)
        connection.session = session  # type: ignore[attr-defined]  # what the ORM's statements are part of
        try:
            return session.with_transaction(
                lambda _: _unwrapped(work),
                read_concern=ReadConcern("snapshot"),
                write_concern=DURABLE,
                read_preference=ReadPreference.PRIMARY,
            )
        finally:
            connection.session = None  # type: ignore[attr-defined]  # as above
            _in_transaction.reset(token)


def _unwrapped(work: Callable[[], Answer]) -> Answer:
    """The driver begins a transaction anew for its own errors alone, which the ORM wraps."""
    try:
        return work()
    except DatabaseError as error:
        cause = error.__cause__
        if isinstance(cause, PyMongoError) and cause.has_error_label("TransientTransactionError"):
            raise cause from error
        raise


def has_transactions() -> bool:
    """Whether MongoDB is a replica set or a sharded cluster."""
    connection.ensure_connection()
    client: pymongo.MongoClient[Document] = connection.database.client  # type: ignore[attr-defined]  # the backend's own
    client.is_primary  # noqa: B018  (waits until the kind of a server is known)
    servers = client.topology_description.server_descriptions().values()
    return any(server.replica_set_name or server.server_type_name == "Mongos" for server in servers)


def _connect() -> None:
    """Connect this thread. One thread at a time: two first ones would each make a MongoClient, and one would leak."""
    if connection.connection is None:
        with _first_connection:
            connection.ensure_connection()


def until_done(statement: Callable[[], Answer]) -> Answer:
    """Repeat a statement that may be done twice when its primary goes away; for the store's threads.

    The driver does this itself for single writes and for reads, but not for `update_many` and `delete_many`.
    """
    while True:
        try:
            return statement()
        except ConnectionFailure as error:
            if error.timeout:  # of the visit
                raise


def in_parts(keys: SizedCollection[str]) -> Iterator[list[str]]:
    """Keys for `$in`, as many at a time as the engine takes (`max_in_list_size`)."""
    wanted = list(keys)
    size = connection.ops.max_in_list_size() or KEYS_AT_ONCE
    for start in range(0, len(wanted), size):
        yield wanted[start : start + size]


def store_unavailable(error: BaseException) -> StoreUnavailable:
    """Note an outage in the midst of a visit, and return its exception; for errors of which `is_outage` is true."""
    AVAILABILITY.failed(error)
    return _unavailable(error)


def _unavailable(error: BaseException) -> StoreUnavailable:
    """What exactly it was is for the log, not for clients."""
    name = type(cause_of(error)).__name__
    return StoreUnavailable(f"the message store does not answer ({name}); try again in a moment")


def durable(model: type[models.Model]) -> Collection[Document]:
    """A model's collection; what it acknowledges survives a crash of the server and of MongoDB.

    Taken from the ORM's own database, past its query log: with DEBUG that would keep a copy of every batch.
    """
    database: Database[Document] = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
    # In a transaction no statement has a write concern of its own: the driver sees to that only for a session that it
    # is given as an argument.
    write_concern = WriteConcern() if _in_transaction.get() else DURABLE
    return database.get_collection(model._meta.db_table, write_concern=write_concern)


def document(instance: models.Model) -> Document:
    """An instance as MongoDB stores it, by the model's own fields. `None` is left out, as in old documents."""
    values = (
        (field.column, field.get_db_prep_save(getattr(instance, field.attname), connection))
        for field in instance._meta.concrete_fields
    )
    return {str(column): value for column, value in values if value is not None}
