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
from django.db import DatabaseError, connection, models
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from conversations.errors import Code, RuleViolation

Document = dict[str, Any]
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

THREADS = 4
TIMEOUT = 8.0
"""Seconds that one visit to the store may take, with the driver's own retries within; afterwards it counts as away."""

KEYS_AT_ONCE = 25
"""Keys of one `$in`: see `in_parts`."""

DURABLE = WriteConcern(w="majority", j=True)
STORE_ERRORS = (PyMongoError, DatabaseError)

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="conversations-store")
_in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)
_first_connection = threading.Lock()
_away = threading.Event()
"""Whether the last visit to the store failed."""


async def in_store_thread(
    function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Answer:
    """Run blocking database work in one of the store's threads, for at most TIMEOUT seconds of waiting for MongoDB.

    What it raises is raised here; errors of the store become a RuleViolation `store_unavailable`. While the store is
    away, so does having waited as long for a thread: each has to find out by itself, and all who ask would queue up.
    """
    asked_at = time.monotonic()

    def work() -> Answer:
        if _away.is_set() and time.monotonic() - asked_at > TIMEOUT:
            raise store_unavailable(TimeoutError())
        with pymongo.timeout(TIMEOUT):
            _connect()
            return function(*args, **kwargs)

    try:
        answer = await asyncio.get_running_loop().run_in_executor(_threads, work)
    except STORE_ERRORS as error:
        _away.set()
        raise store_unavailable(error) from error
    _away.clear()
    return answer


def atomically(work: Callable[[], Answer]) -> Answer:
    """Do several reads and writes as one transaction, for the store's threads. What `work` raises undoes its writes.

    `work` begins anew where somebody else has just written the same documents. A MongoDB that is no replica set has no
    transactions: there the writes stand one by one, in their order, also when a later one fails.
    """
    if _in_transaction.get() or not has_transactions():
        return work()
    client: pymongo.MongoClient[Document] = connection.database.client  # type: ignore[attr-defined]  # the backend's own
    with client.start_session() as session, session.bind(end_session=False):
        token = _in_transaction.set(True)
        connection.session = session  # type: ignore[attr-defined]  # what the ORM's statements are part of
        try:
            return session.with_transaction(
                lambda _: work(),
                read_concern=ReadConcern("snapshot"),
                write_concern=DURABLE,
                read_preference=ReadPreference.PRIMARY,
            )
        finally:
            connection.session = None  # type: ignore[attr-defined]  # as above
            _in_transaction.reset(token)


def has_transactions() -> bool:
    """Whether MongoDB is a replica set or a sharded cluster."""
    connection.ensure_connection()
    client: pymongo.MongoClient[Document] = connection.database.client  # type: ignore[attr-defined]  # the backend's own
    client.is_primary  # noqa: B018  (waits until a server has said what it is)
    servers = client.topology_description.server_descriptions().values()
    return any(server.replica_set_name or server.server_type_name == "Mongos" for server in servers)


def _connect() -> None:
    """Connect this thread. One at a time: two first ones would each make a MongoClient and one would leak."""
    if connection.connection is None:
        with _first_connection:
            connection.ensure_connection()


def in_parts(keys: SizedCollection[str]) -> Iterator[list[str]]:
    """Keys for `$in`, a few at a time: SecantusDB holds each document it finds against the whole list.

    (Measured: 100 keys at once cost it 19 ms, a range of as many documents 7 ms.)
    """
    wanted = list(keys)
    for start in range(0, len(wanted), KEYS_AT_ONCE):
        yield wanted[start : start + KEYS_AT_ONCE]


def store_unavailable(error: BaseException) -> RuleViolation:
    """The refusal for a store that does not answer; what exactly it was is for the log, not for clients."""
    return RuleViolation(
        Code.STORE_UNAVAILABLE, f"the message store does not answer ({type(error).__name__}); try again in a moment"
    )


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
