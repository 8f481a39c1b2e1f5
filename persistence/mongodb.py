"""MongoDB from asynchronous code: threads for blocking work, durable writes, documents from models.

Messages have threads of their own: what lists, sign-ins and the staff ask of the store does not hold them. Nothing but
MongoDB is waited for in any of these threads. All share one MongoClient: django-mongodb-backend keeps it by database
alias for the whole process, each thread has only a light DatabaseWrapper of its own. Nothing here knows rules or
events.
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
from django.db import DatabaseError, models
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from persistence.availability import AVAILABILITY, StoreUnavailable, cause_of, is_outage, is_refusal
from persistence.configuration import StoreSettings
from persistence.database import connection
from persistence.store_clock import store_clock

Document = dict[str, Any]
Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

THREADS = 4
MESSAGE_THREADS = 3
"""One for the batch being written, one for the rooms of the next, one for the rules that these wait for."""
TIMEOUT = float(StoreSettings.current().MONGODB_PATIENCE)
"""Seconds that one operation may take, with the driver's own retries: longer than an election."""

NOTICED = 1.0
"""Seconds after which an operation that waits has a ping ask whether MongoDB is there; the ping waits as long again."""

TIMEOUT_WHILE_AWAY = 2.0
"""Seconds that an operation waits for a MongoDB that has been away for TIMEOUT seconds already."""

KEYS_AT_ONCE = 1_000
"""Keys of one `$in`, where the engine names no smaller number."""

DURABLE = WriteConcern(w="majority", j=True)
STORE_ERRORS = (PyMongoError, DatabaseError)

_in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)
_first_connection = threading.Lock()


class _StoreThreads:
    """Threads for one kind of work with MongoDB.

    Args:
        name: What the threads' names begin with.
        threads: How many there are.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(
        self, function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer:
        """Run blocking database work in one of these threads, for at most TIMEOUT seconds of waiting for MongoDB.

        Args:
            function: The work. It waits for nothing but MongoDB.
            args: Its arguments.
            kwargs: Its arguments by name.

        Returns:
            What `function` returns.

        Raises:
            StoreUnavailable: An outage. What `function` raises otherwise, errors of MongoDB among it.
        """
        asked_at = time.monotonic()

        def work() -> Answer:
            _wait_while_away(asked_at)
            with pymongo.timeout(TIMEOUT), AVAILABILITY.operation():
                _connect()
                store_clock.keep()
                return function(*args, **kwargs)

        loop = asyncio.get_running_loop()
        look = loop.call_later(NOTICED, _look)
        try:
            return await loop.run_in_executor(self._executor, work)
        except STORE_ERRORS as error:
            if not is_outage(error):
                raise
            raise _unavailable(error) from error
        finally:
            look.cancel()


_ping_thread = ThreadPoolExecutor(1, thread_name_prefix="ping")


def _look() -> None:
    """Have it noticed, and logged, that MongoDB is away, also where it comes back before an operation gives up."""
    if _is_to_be_asked():
        _ping_thread.submit(_find_out_whether_there)


def _is_to_be_asked() -> bool:
    """Half of the time: an operation begins somewhat later than it is asked for, and looks once."""
    return AVAILABILITY.away_for() is None and AVAILABILITY.unanswered_for() >= NOTICED / 2


def _find_out_whether_there() -> None:
    """An operation may have much to do; what does not answer a ping is not there."""
    if not _is_to_be_asked():
        return
    try:
        with pymongo.timeout(NOTICED):
            _connect()
            connection.connection.admin.command("ping")
    except STORE_ERRORS as error:
        if is_outage(error):
            AVAILABILITY.not_there(error)


def _wait_while_away(asked_at: float) -> None:
    """Find out whether a MongoDB that was away is back. StoreUnavailable: it is not.

    All callers wait until TIMEOUT seconds after it went away, which is longer than an election. Later ones wait much
    shorter. The wait for a thread counts, too: each caller tries for itself, and all of them would queue up.
    """
    away_for = AVAILABILITY.away_for()
    if away_for is None:
        return
    patience = max(TIMEOUT - away_for, min(TIMEOUT_WHILE_AWAY, TIMEOUT))
    if time.monotonic() - asked_at > patience:
        raise _unavailable(TimeoutError())
    with pymongo.timeout(patience), AVAILABILITY.operation():
        _connect()
        connection.connection.admin.command("ping")


in_store_thread = _StoreThreads("store", THREADS).run
"""Runs work with MongoDB, whoever asks for it."""

in_message_thread = _StoreThreads("messages", MESSAGE_THREADS).run
"""Runs what every message waits for: its batch, its room, the rules. What is done for one at a time does not belong
here."""


def atomically(work: Callable[[], Answer]) -> Answer:
    """Do several reads and writes as one transaction. For the store's threads.

    A standalone MongoDB has no transactions: its writes are done one by one, in their order, and stay when a later one
    fails.

    Args:
        work: The reads and writes. It is called again where another transaction has just written the same documents.

    Returns:
        What `work` returns.

    Raises:
        Exception: What `work` raises; its writes are undone.
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
    """Tell whether MongoDB is a replica set or a sharded cluster. For the store's threads."""
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
    """Repeat an idempotent statement whose primary goes away. For the store's threads.

    The driver repeats single writes and reads itself, but not `update_many` and `delete_many`.

    Args:
        statement: Runs it.

    Returns:
        What the statement returns.
    """
    while True:
        try:
            return statement()
        except ConnectionFailure as error:
            if error.timeout:  # of the operation
                raise


def in_parts(keys: SizedCollection[str]) -> Iterator[list[str]]:
    """Split keys for `$in`, as many at a time as the engine takes.

    Args:
        keys: The keys.
    """
    wanted = list(keys)
    size = connection.ops.max_in_list_size() or KEYS_AT_ONCE
    for start in range(0, len(wanted), size):
        yield wanted[start : start + size]


def store_unavailable(error: BaseException) -> StoreUnavailable:
    """Note an outage within an operation that goes on, and make its exception.

    Args:
        error: An error of which `is_outage` is true.
    """
    AVAILABILITY.failed(error)
    return _unavailable(error)


def _unavailable(error: BaseException) -> StoreUnavailable:
    """What exactly it was is for the log, not for clients."""
    if is_refusal(error):
        return StoreUnavailable("the message store takes no writes now; try again later")
    name = type(cause_of(error)).__name__
    return StoreUnavailable(f"the message store does not answer ({name}); try again in a moment")


def durable(model: type[models.Model]) -> Collection[Document]:
    """Return a model's collection, whose acknowledged writes survive a crash of the server and of MongoDB.

    The write concern is majority, with the journal. In a transaction the transaction's own holds.
    It is the ORM's own database without its query log: with DEBUG the log would keep a copy of every batch.

    Args:
        model: The model.
    """
    database: Database[Document] = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
    # In a transaction no statement has a write concern of its own: the driver sees to that only for a session that it
    # is given as an argument.
    write_concern = WriteConcern() if _in_transaction.get() else DURABLE
    return database.get_collection(model._meta.db_table, write_concern=write_concern)


def document(instance: models.Model) -> Document:
    """Convert an instance to the document that MongoDB stores, by the model's fields; None is left out.

    Args:
        instance: An instance of a model, saved or not.
    """
    values = (
        (field.column, field.get_db_prep_save(getattr(instance, field.attname), connection))
        for field in instance._meta.concrete_fields
    )
    return {str(column): value for column, value in values if value is not None}
