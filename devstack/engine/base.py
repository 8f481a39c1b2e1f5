"""The DatabaseWrapper. The file is named as Django wants it, which imports `<ENGINE>.base`."""

from devstack.engine.operations import DatabaseOperations
from persistence.engine import base


class DatabaseWrapper(base.DatabaseWrapper):
    """`persistence.engine`'s, with the operations of this package."""

    ops_class = DatabaseOperations
