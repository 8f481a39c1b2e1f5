"""The change stream of the database, and its failures as exceptions of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo.change_stream import ChangeStream
from pymongo.database import Database
from pymongo.errors import OperationFailure

from event_relay.sources import Source
from persistence.database import connection
from persistence.timestamps import UTC

Stream = ChangeStream[dict[str, Any]]
WAIT = 500
"""Milliseconds for which MongoDB holds a question for changes when there are none."""

_NO_REPLICA_SET = 40573
# FailedToParse (a token of another server), InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost, and
# what MongoDB says of tokens that it cannot read.
_TOKEN_IS_LOST = {9, 260, 280, 286, 40615, 40647, 40649, 50811}


class HistoryLost(Exception):
    """MongoDB no longer has the changes after the token, or never had them."""


class NoReplicaSet(Exception):
    """The server is a standalone one, which has no change streams."""


def watched_database() -> Database[dict[str, Any]]:
    """The database of Django's connection, which reads times as aware ones. The connection is the calling thread's."""
    connection.ensure_connection()
    database: Database[dict[str, Any]] = connection.database  # type: ignore[attr-defined]  # the MongoDB backend's own
    aware = database.codec_options.with_options(tz_aware=True, tzinfo=UTC)
    return database.with_options(codec_options=aware)


def require_replica_set(hello: Mapping[str, Any]) -> None:
    """Check that the server has change streams.

    Args:
        hello: The server's answer to the command `hello`.

    Raises:
        NoReplicaSet: It is a standalone server.
    """
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise NoReplicaSet(
            "MongoDB runs as a standalone server, which has no change streams, so there is nothing to relay from. Run "
            "it as a replica set; one of a single member will do: start mongod with --replSet, then rs.initiate() once."
        )


@contextmanager
def change_stream(
    database: Database[dict[str, Any]], token: Mapping[str, Any] | None, sources: Iterable[Source]
) -> Iterator[Stream]:
    """Open the change stream for the block.

    Args:
        database: The database to watch.
        token: The resume token after which the stream begins; None: it begins now.
        sources: The collections whose changes are read.

    Raises:
        HistoryLost: MongoDB cannot resume after the token; raised here or from within the block.
        NoReplicaSet: The server is a standalone one.
    """
    try:
        with database.watch(
            [{"$match": {"$or": [source.match() for source in sources]}}],
            full_document="updateLookup",
            start_after=token,  # unlike resume_after, it leads on past a dropped database as well
            max_await_time_ms=WAIT,
        ) as stream:
            yield stream
    except OperationFailure as error:
        if error.code == _NO_REPLICA_SET:
            raise NoReplicaSet(str(error)) from error
        if token is not None and error.code in _TOKEN_IS_LOST:
            raise HistoryLost(str(error)) from error
        raise
