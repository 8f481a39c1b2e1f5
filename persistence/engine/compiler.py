"""The compilers of queries, which Django finds here by their names: sorted queries that an index serves.

Why they differ from django-mongodb-backend's: this package's own docstring.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django_mongodb_backend import compiler


class _Compiler:
    """Mixed into each of django-mongodb-backend's."""

    def build_query(self, *args: Any, **kwargs: Any) -> Any:
        """The query, without fields that are set to themselves."""
        query = super().build_query(*args, **kwargs)  # type: ignore[misc]
        if query.extra_fields:
            query.extra_fields = {path: value for path, value in _paths(query.extra_fields) if value != f"${path}"}
        return query


def _paths(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields, each with its whole path: `$addFields` sets a path within a document and keeps the rest of it."""
    for name, value in fields.items():
        if is_joined(value):
            yield from ((f"{name}.{inner}", expression) for inner, expression in value.items())
        else:
            yield name, value


def is_joined(value: Any) -> bool:
    """Whether these are the fields of a joined document. An expression, such as {"$literal": 1}, is a dict, too."""
    return isinstance(value, dict) and not any(name.startswith("$") for name in value)


class SQLCompiler(_Compiler, compiler.SQLCompiler):
    """Of a SELECT."""


class SQLInsertCompiler(_Compiler, compiler.SQLInsertCompiler):
    """Of an INSERT."""


class SQLDeleteCompiler(_Compiler, compiler.SQLDeleteCompiler):
    """Of a DELETE."""


class SQLUpdateCompiler(_Compiler, compiler.SQLUpdateCompiler):
    """Of an UPDATE."""


class SQLAggregateCompiler(_Compiler, compiler.SQLAggregateCompiler):
    """Of an aggregation of a subquery."""
