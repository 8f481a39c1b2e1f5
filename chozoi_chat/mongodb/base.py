"""What Django looks for in a database backend: the DatabaseWrapper."""

from __future__ import annotations

from django_mongodb_backend.base import DatabaseWrapper as MongoDatabaseWrapper
from django_mongodb_backend.operations import DatabaseOperations as MongoDatabaseOperations


class DatabaseOperations(MongoDatabaseOperations):
    """With the compilers of this package."""

    compiler_module = "chozoi_chat.mongodb.compiler"


class DatabaseWrapper(MongoDatabaseWrapper):
    """django-mongodb-backend's, with these operations."""

    ops_class = DatabaseOperations
