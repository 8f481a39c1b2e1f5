"""The DatabaseWrapper. The file is named as Django wants it, which imports `<ENGINE>.base`: `persistence.engine.base`.

What differs from django-mongodb-backend, and why: this package's own words.
"""

from __future__ import annotations

import datetime
from typing import Any

from django_mongodb_backend.base import DatabaseWrapper as MongoDatabaseWrapper
from django_mongodb_backend.operations import DatabaseOperations as MongoDatabaseOperations
from pymongo import ReadPreference
from pymongo.database import Database

from persistence.engine.schema import DatabaseSchemaEditor
from persistence.engine.server import MongoDBServer, UnsupportedMongoDB
from persistence.engine.values import as_flag, as_number, as_text


class DatabaseOperations(MongoDatabaseOperations):
    """With the compilers of this package, and conversions that no document fails at."""

    compiler_module = "persistence.engine.compiler"

    def get_db_converters(self, expression: Any) -> list[Any]:
        """With those of texts and flags, which django-mongodb-backend takes as they come."""
        converters: list[Any] = super().get_db_converters(expression)
        match expression.output_field.get_internal_type():
            case "CharField" | "TextField":
                converters.append(lambda value, expression, connection: as_text(value))
            case "BooleanField":
                converters.append(lambda value, expression, connection: as_flag(value))
        return converters

    def convert_datetimefield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The instant; `None` for what is none."""
        if not isinstance(value, datetime.datetime):
            return None
        return super().convert_datetimefield_value(value, expression, connection)

    def convert_integerfield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The number; `None` for what is none, as what JavaScript counts from `undefined` on."""
        return as_number(value)

    def convert_embeddedmodelfield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The instance; `None` for what is no object."""
        if not isinstance(value, dict):
            return None
        return super().convert_embeddedmodelfield_value(value, expression, connection)


class DatabaseWrapper(MongoDatabaseWrapper):
    """django-mongodb-backend's, with these operations and this schema editor, and with reads from the primary.

    A secondary may lag: a rule that reads there lets a message into a room that was just blocked. So the read
    preference of the URI is not obeyed.
    """

    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor

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
