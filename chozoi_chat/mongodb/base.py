"""The DatabaseWrapper. The file is named as Django wants it, which imports `<ENGINE>.base`: `chozoi_chat.mongodb.base`.

What differs from django-mongodb-backend, and why: this package's own words.
"""

from __future__ import annotations

from django_mongodb_backend.base import DatabaseWrapper as MongoDatabaseWrapper
from django_mongodb_backend.operations import DatabaseOperations as MongoDatabaseOperations


class DatabaseOperations(MongoDatabaseOperations):
    """With the compilers of this package."""

    compiler_module = "chozoi_chat.mongodb.compiler"


class DatabaseWrapper(MongoDatabaseWrapper):
    """django-mongodb-backend's, with these operations."""

    ops_class = DatabaseOperations
