"""The compilers of queries, which Django finds here by their names: `persistence.engine`'s, for the embedded store."""

from __future__ import annotations

from typing import Any

from devstack.engine.conditions import side_by_side
from persistence.engine import compiler


class _Compiler:
    """The mixin for each compiler of `persistence.engine`."""

    def get_project_fields(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the fields of a `$project`, with joined fields named by their paths."""
        fields: dict[str, Any] = super().get_project_fields(*args, **kwargs)  # type: ignore[misc]
        return {name: _by_path(name, value) for name, value in fields.items()}

    def build_query(self, *args: Any, **kwargs: Any) -> Any:
        """Return the query, its conditions by `side_by_side`."""
        query = super().build_query(*args, **kwargs)  # type: ignore[misc]
        if query.match_mql:
            query.match_mql = side_by_side(query.match_mql)
        return query


def _by_path(collection: str, value: Any) -> Any:
    if not compiler.is_joined(value):
        return value
    return {name: f"${collection}.{name}" if inner == 1 else inner for name, inner in value.items()}


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
