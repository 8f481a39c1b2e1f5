"""Which MongoDB answers: its version, the oldest one that is supported, and what a standalone server cannot do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pymongo
from django.db.utils import NotSupportedError
from pymongo import MongoClient

from persistence.database import connection

LEAST = (6, 0)
"""The earliest version of MongoDB that is served."""

STANDALONE = (
    "MongoDB runs as a standalone server: the chat works, but `manage.py relay_events` and `relay_webhooks` need a "
    "replica set. One of a single member will do: start mongod with --replSet, then rs.initiate() once."
)


def running_server(timeout: float) -> MongoDBServer:
    """Ask the server that the settings name.

    Args:
        timeout: Seconds to wait for it.

    Raises:
        PyMongoError: It does not answer.
        UnsupportedMongoDB: It is too old.
    """
    with pymongo.timeout(timeout):
        connection.ensure_connection()
        server = MongoDBServer.ask(connection.connection)
    server.require_supported()
    return server


class UnsupportedMongoDB(NotSupportedError):
    """The server is too old; the text says which version it has and which it needs."""


@dataclass(frozen=True, slots=True)
class MongoDBServer:
    """What a server says of itself."""

    version: tuple[int, ...]
    topology: Literal["standalone", "replica set", "sharded cluster"]

    @classmethod
    def ask(cls, client: MongoClient[Any]) -> MongoDBServer:
        """Ask the server behind a client.

        Raises:
            PyMongoError: It does not answer.
        """
        hello = client.admin.command("hello")
        version = tuple(client.server_info()["versionArray"][:3])
        if hello.get("msg") == "isdbgrid":
            return cls(version, "sharded cluster")
        return cls(version, "replica set" if "setName" in hello else "standalone")

    def require_supported(self) -> None:
        """Refuse a server that is too old.

        Raises:
            UnsupportedMongoDB: It is.
        """
        if self.version < LEAST:
            found, least = (".".join(map(str, version)) for version in (self.version, LEAST))
            raise UnsupportedMongoDB(f"MongoDB is version {found}: {least} or a later one is needed.")

    @property
    def limitation(self) -> str | None:
        """What does not work with this server, as a sentence; None: everything does."""
        return STANDALONE if self.topology == "standalone" else None
