"""The DatabaseWrapper. The file is named as Django wants it, which imports `<ENGINE>.base`: `chozoi_chat.mongodb.base`.

What differs from django-mongodb-backend, and why: this package's own words.
"""

from __future__ import annotations

import datetime
from typing import Any

from django_mongodb_backend.base import DatabaseWrapper as MongoDatabaseWrapper
from django_mongodb_backend.operations import DatabaseOperations as MongoDatabaseOperations


class DatabaseOperations(MongoDatabaseOperations):
    """With the compilers of this package, and conversions that no document fails at."""

    compiler_module = "chozoi_chat.mongodb.compiler"

    def convert_datetimefield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The instant; `None` for what is none."""
        if not isinstance(value, datetime.datetime):
            return None
        return super().convert_datetimefield_value(value, expression, connection)

    def convert_integerfield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The number; `None` for what is none, as what JavaScript counts from `undefined` on."""
        try:
            return super().convert_integerfield_value(value, expression, connection)
        except (TypeError, ValueError, OverflowError):
            return None

    def convert_embeddedmodelfield_value(self, value: Any, expression: object, connection: object) -> Any:
        """The instance; `None` for what is no object."""
        if not isinstance(value, dict):
            return None
        return super().convert_embeddedmodelfield_value(value, expression, connection)


class DatabaseWrapper(MongoDatabaseWrapper):
    """django-mongodb-backend's, with these operations."""

    ops_class = DatabaseOperations
