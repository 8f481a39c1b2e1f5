"""The embedded MongoDB: SecantusDB (MongoDB's wire protocol over WiredTiger), run as a program, never imported."""

import sys

import pymongo
from pymongo.errors import PyMongoError

from devstack.embedded.store import EmbeddedStore

DATABASE = "chozoi_chat"


class EmbeddedMongoDB(EmbeddedStore):
    """A one-node replica set whose journal makes what was acknowledged with `j: true` survive a `kill -9`."""

    name = "mongodb"

    @property
    def address(self) -> str:
        """`mongodb://127.0.0.1:PORT/chozoi_chat`, as mongosh takes it."""
        return f"mongodb://127.0.0.1:{self.port}/{DATABASE}"

    def command(self) -> list[str]:
        """Return the command line of SecantusDB, with the interpreter of this process."""
        return [
            *(sys.executable, "-m", "secantus"),
            *("--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self.directory)),
            *("--cache-size", "256M", "--log-level", "WARNING"),
        ]

    def answers(self) -> bool:
        """Tell whether it answers a ping."""
        address = f"{self.address}?directConnection=true&serverSelectionTimeoutMS=1000&connectTimeoutMS=1000"
        try:
            with pymongo.MongoClient[dict[str, object]](address) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True
