"""The DatabaseWrapper. The file is named as Django wants it, which imports `<ENGINE>.base`: `persistence.engine.base`.

What differs from django-mongodb-backend, and why: this package's own words.
"""

from __future__ import annotations

from typing import Any

from django_mongodb_backend.base import DatabaseWrapper as MongoDatabaseWrapper
from pymongo import ReadPreference
from pymongo.database import Database

from persistence.addresses import options_of
from persistence.configuration import StoreSettings
from persistence.engine.operations import DatabaseOperations
from persistence.engine.schema import DatabaseSchemaEditor
from persistence.engine.server import MongoDBServer, UnsupportedMongoDB

OPTIONS: dict[str, Any] = {
    # Acknowledged means on the disks of most members: a client gets an ack only for what survives a crash.
    "w": "majority",
    "journal": True,
    # No document fails to load: JavaScript's dates go on to the year 275760, Python's to 9999.
    "datetime_conversion": "DATETIME_AUTO",
    "unicode_decode_error_handler": "replace",
}
"""The options of the client, where `OPTIONS` in the settings does not say otherwise; those of a URI do not count."""


class DatabaseWrapper(MongoDatabaseWrapper):
    """django-mongodb-backend's, with these operations and this schema editor, and with reads from the primary.

    A secondary may lag: a rule that reads there lets a message into a room that was just blocked. So the read
    preference of the URI is not obeyed.
    """

    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

    def get_connection_params(self) -> dict[str, Any]:
        """With OPTIONS; and a server is looked for as long as MONGODB_PATIENCE says, unless the URI does."""
        options = dict(OPTIONS)
        if "serverselectiontimeoutms" not in options_of(self.settings_dict["HOST"]):
            options["serverSelectionTimeoutMS"] = 1000 * StoreSettings.current().MONGODB_PATIENCE
        return {**options, **super().get_connection_params()}

    def check_database_version_supported(self) -> None:
        """Raises UnsupportedMongoDB, which says what is needed."""
        client: Any = self.connection  # the MongoClient, whatever django-stubs take it for
        MongoDBServer.ask(client).require_supported()

    def init_connection_state(self) -> None:
        """Take the database, with reads from the primary.

        Raises UnsupportedMongoDB. There is no connection then, so that the next attempt asks again.
        """
        try:
            super().init_connection_state()
        except UnsupportedMongoDB:
            self.connection = None
            self.__dict__.pop("database", None)
            raise
        self.database: Database[dict[str, Any]] = self.database.with_options(read_preference=ReadPreference.PRIMARY)
