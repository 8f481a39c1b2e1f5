"""The compilers of queries, which Django finds here by their names."""

from __future__ import annotations

from typing import Any

from django_mongodb_backend import compiler


class _JoinedFields:
    """Names a joined field by its path, in place of a 1 within its collection."""

    def get_project_fields(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What `$project` gets."""
        fields: dict[str, Any] = super().get_project_fields(*args, **kwargs)  # type: ignore[misc]
        return {name: _by_path(name, value) for name, value in fields.items()}


def _by_path(collection: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    # An expression, such as {"$literal": 1}, is a dict, too.
    return {
        name: f"${collection}.{name}" if inner == 1 and not name.startswith("$") else inner
        for name, inner in value.items()
    }


class SQLCompiler(_JoinedFields, compiler.SQLCompiler):
    """Of a SELECT."""


class SQLInsertCompiler(_JoinedFields, compiler.SQLInsertCompiler):
    """Of an INSERT."""


class SQLDeleteCompiler(_JoinedFields, compiler.SQLDeleteCompiler):
    """Of a DELETE."""


class SQLUpdateCompiler(_JoinedFields, compiler.SQLUpdateCompiler):
    """Of an UPDATE."""


class SQLAggregateCompiler(_JoinedFields, compiler.SQLAggregateCompiler):
    """Of an aggregation of a subquery."""
