"""The compilers of queries, which Django finds here by their names. Why they differ: this package's own words."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any

from django_mongodb_backend import compiler


class _Compiler:
    """Mixed into each of django-mongodb-backend's."""

    def get_project_fields(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What `$project` gets: joined fields by their paths."""
        fields: dict[str, Any] = super().get_project_fields(*args, **kwargs)  # type: ignore[misc]
        return {name: _by_path(name, value) for name, value in fields.items()}

    def build_query(self, *args: Any, **kwargs: Any) -> Any:
        """The query, without fields that are set to themselves and without needless `$and`s."""
        query = super().build_query(*args, **kwargs)  # type: ignore[misc]
        if query.match_mql:
            query.match_mql = side_by_side(query.match_mql)
        if query.extra_fields:
            query.extra_fields = {path: value for path, value in _paths(query.extra_fields) if value != f"${path}"}
        return query


def _by_path(collection: str, value: Any) -> Any:
    if not _is_joined(value):
        return value
    return {name: f"${collection}.{name}" if inner == 1 else inner for name, inner in value.items()}


def _paths(fields: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The fields, each with its whole path: `$addFields` sets a path within a document and keeps the rest of it."""
    for name, value in fields.items():
        if _is_joined(value):
            yield from ((f"{name}.{inner}", expression) for inner, expression in value.items())
        else:
            yield name, value


def _is_joined(value: Any) -> bool:
    """Whether these are the fields of a joined document. An expression, such as {"$literal": 1}, is a dict, too."""
    return isinstance(value, dict) and not any(name.startswith("$") for name in value)


_STRICTER: dict[str, Callable[[Any, Any], Any]] = {"$gt": max, "$gte": max, "$lt": min, "$lte": min}
_MILLISECOND = datetime.timedelta(milliseconds=1)
_COMPARISONS = _STRICTER.keys() | {"$ne", "$exists"}


def side_by_side(match: dict[str, Any]) -> dict[str, Any]:
    """The same conditions, those of `$and` beside each other as far as no two of them are about the same field.

    Comparisons may be, such as the two ends of a range: they make one condition.
    """
    flat: dict[str, Any] = {}
    rest: list[dict[str, Any]] = []
    for name, condition in _conditions(match):
        if name not in flat:
            flat[name] = condition
        elif _may_merge(flat[name], condition):
            flat[name] = _merged(flat[name], condition)
        else:
            rest.append({name: condition})
    flat = {name: _without_implied(condition) for name, condition in flat.items()}
    return {**flat, "$and": rest} if rest else flat


def _conditions(match: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, condition in match.items():
        if name == "$and":
            for part in condition:
                yield from _conditions(part)
        elif name == "$or" and (field := _absent(condition)) is not None:
            yield field, None
        else:
            yield name, _with_open_end(condition)


def _absent(alternatives: list[dict[str, Any]]) -> str | None:
    """The field of an `isnull`, which asks for what is missing or null; MongoDB takes either for null."""
    field = next(iter(alternatives[0]), "")
    return field if alternatives == [{field: {"$exists": False}}, {field: None}] else None


def _may_merge(one: Any, other: Any) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    alike = all(
        one[operator] == other[operator] or (operator in _STRICTER and type(one[operator]) is type(other[operator]))
        for operator in one.keys() & other.keys()
    )
    return alike and one.keys() | other.keys() <= _COMPARISONS


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {
        operator: _STRICTER[operator](one[operator], other[operator])
        for operator in one.keys() & other.keys() & _STRICTER.keys()
    }
    return {**one, **other, **both}


def _with_open_end(condition: Any) -> Any:
    if not isinstance(condition, dict) or not isinstance(end := condition.get("$lte"), datetime.datetime):
        return condition
    if "$lt" in condition:
        return condition
    after = end.replace(microsecond=end.microsecond // 1000 * 1000) + _MILLISECOND
    return {
        ("$lt" if name == "$lte" else name): (after if name == "$lte" else value) for name, value in condition.items()
    }


def _without_implied(condition: Any) -> Any:
    """What is compared with a value is there, and of its type."""
    if not isinstance(condition, dict) or not any(condition.get(end) is not None for end in _STRICTER):
        return condition
    implied = {"$exists": True, "$ne": None}
    return {name: value for name, value in condition.items() if name not in implied or value != implied[name]}


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
